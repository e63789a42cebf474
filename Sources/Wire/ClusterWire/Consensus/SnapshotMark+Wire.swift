package import SwarmCore

extension SnapshotMark {
    /// Layout: term, index, the 8 octets of the name, size, and the membership: its five lists, each a number of
    /// nodes and these, then whether it leaves a joint configuration by itself.
    package var wireOctets: [UInt8] {
        var writer = WireWriter(capacity: 64)
        writer.mark(self)
        return writer.octets
    }

    /// Throws: `WireFault`.
    package init(wireOctets octets: Span<UInt8>) throws(WireFault) {
        var reader = WireReader(octets)
        self = try reader.mark()
        try reader.end()
    }
}

extension RaftMembership {
    /// As in a snapshot's mark.
    package var wireOctets: [UInt8] {
        var writer = WireWriter(capacity: 48)
        writer.membership(self)
        return writer.octets
    }

    /// Throws: `WireFault`.
    package init(wireOctets octets: Span<UInt8>) throws(WireFault) {
        var reader = WireReader(octets)
        self = try reader.membership()
        try reader.end()
    }
}

extension WireWriter {
    mutating func position(_ position: LogPosition) {
        number(position.term.raw)
        number(position.index.raw)
    }

    mutating func mark(_ mark: SnapshotMark) {
        position(mark.position)
        fixed(mark.id)
        number(mark.octets)
        membership(mark.membership)
    }

    mutating func membership(_ membership: RaftMembership) {
        for list in [
            membership.incoming, membership.outgoing, membership.learners, membership.learnersNext,
            membership.joining,
        ] {
            number(list.count)
            for id in list { number(id.raw) }
        }
        flag(membership.leavesByItself)
    }
}

extension WireReader {
    mutating func position() throws(WireFault) -> LogPosition {
        let term = Term(try number())
        return LogPosition(term: term, index: LogIndex(try number()))
    }

    mutating func mark() throws(WireFault) -> SnapshotMark {
        let position = try position()
        let id = try fixed()
        let octets = try number()
        return SnapshotMark(
            position: position,
            membership: try membership(),
            id: id,
            octets: octets
        )
    }

    mutating func membership() throws(WireFault) -> RaftMembership {
        let incoming = try ids()
        let outgoing = try ids()
        let learners = try ids()
        let learnersNext = try ids()
        let joining = try ids()
        return RaftMembership(
            incoming: incoming,
            outgoing: outgoing,
            learners: learners,
            learnersNext: learnersNext,
            joining: joining,
            leavesByItself: try flag()
        )
    }

    private mutating func ids() throws(WireFault) -> [RaftID] {
        var ids: [RaftID] = []
        for _ in 0..<(try count(max: WireLimits.membersMax)) {
            let start = at
            let id = RaftID(try number())
            // In order and each once, so that there is one form only.
            if let last = ids.last, last >= id { throw .number(offset: start) }
            ids.append(id)
        }
        return ids
    }
}
