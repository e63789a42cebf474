import SwarmCore

// What became of reads and proposals: a kind, and the numbers that belong to it.

extension WireWriter {
    mutating func verdict(_ verdict: ReadVerdict) {
        switch verdict {
        case .ready(let index):
            octet(1)
            number(index.raw)
        case .noLeader: octet(2)
        case .leadershipLost: octet(3)
        case .tooMany: octet(4)
        }
    }

    mutating func verdict(_ verdict: ProposalVerdict) {
        switch verdict {
        case .accepted(let position):
            octet(1)
            self.position(position)
        case .refused(let refusal): self.refusal(refusal)
        }
    }

    private mutating func refusal(_ refusal: ProposalRefusal) {
        switch refusal {
        case .noLeader: octet(2)
        case .notLeader(let id):
            octet(3)
            number(id.raw)
        case .notMember: octet(4)
        case .transferring(let id):
            octet(5)
            number(id.raw)
        case .tooMuchUncommitted(let octets, let limit):
            octet(6)
            number(octets)
            number(limit)
        case .tooLarge(let octets, let limit):
            octet(7)
            number(octets)
            number(limit)
        case .fenced(let term):
            octet(8)
            number(term.raw)
        case .noStorage: octet(9)
        case .membership(let error):
            octet(10)
            self.error(error)
        }
    }

    private mutating func error(_ error: MembershipError) {
        switch error {
        case .pending(let index, let applied):
            octet(1)
            number(index.raw)
            number(applied.raw)
        case .joint: octet(2)
        case .notJoint: octet(3)
        case .noVoters: octet(4)
        case .tooManyVoters: octet(5)
        case .emptyJoint: octet(6)
        case .tooEarly: octet(7)
        case .noActiveQuorum: octet(8)
        }
    }
}

extension WireReader {
    mutating func readVerdict() throws(WireFault) -> ReadVerdict {
        let offset = at
        switch try octet() {
        case 1: return .ready(LogIndex(try number()))
        case 2: return .noLeader
        case 3: return .leadershipLost
        case 4: return .tooMany
        case let kind: throw .kind(kind, offset: offset)
        }
    }

    mutating func proposalVerdict() throws(WireFault) -> ProposalVerdict {
        let offset = at
        switch try octet() {
        case 1: return .accepted(try position())
        case 2: return .refused(.noLeader)
        case 3: return .refused(.notLeader(RaftID(try number())))
        case 4: return .refused(.notMember)
        case 5: return .refused(.transferring(to: RaftID(try number())))
        case 6:
            let octets = try size()
            return .refused(.tooMuchUncommitted(octets: octets, limit: try size()))
        case 7:
            let octets = try size()
            return .refused(.tooLarge(octets: octets, limit: try size()))
        case 8: return .refused(.fenced(term: Term(try number())))
        case 9: return .refused(.noStorage)
        case 10: return .refused(.membership(try error()))
        case let kind: throw .kind(kind, offset: offset)
        }
    }

    private mutating func size() throws(WireFault) -> Int {
        let start = at
        guard let value = Int(exactly: try number()) else { throw .number(offset: start) }
        return value
    }

    private mutating func error() throws(WireFault) -> MembershipError {
        let offset = at
        switch try octet() {
        case 1:
            let index = LogIndex(try number())
            return .pending(index, applied: LogIndex(try number()))
        case 2: return .joint
        case 3: return .notJoint
        case 4: return .noVoters
        case 5: return .tooManyVoters
        case 6: return .emptyJoint
        case 7: return .tooEarly
        case 8: return .noActiveQuorum
        case let kind: throw .kind(kind, offset: offset)
        }
    }
}
