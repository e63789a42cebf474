import SwarmCore

/// What clients and operators were told.
extension RaftChecks {
    // MARK: - Proposals

    mutating func proposes(_ tag: UInt64, _ content: LogEntry.Content) { proposals[tag] = content }

    /// I20: a leader says at once whether it takes a proposal, and takes what was proposed.
    mutating func answered(_ tag: UInt64, _ verdict: ProposalVerdict, _ host: RaftHost) {
        let content = proposals.removeValue(forKey: tag)
        guard case .accepted(let position) = verdict else { return }
        host.known.promised[tag, default: []].append(position)
        guard let content, let entry = host.raft.log.entry(at: position.index),
            entry.position == position
        else { return }
        expect(
            entry.content == content,
            "I20: node \(host.id.raw) takes another proposal than it was told at \(position.index.raw)"
        )
    }

    mutating func proposed(_ tag: UInt64, _ host: RaftHost) {
        expect(
            proposals[tag] == nil,
            "I20: node \(host.id.raw) leads, and does not say what it makes of a proposal"
        )
    }

    /// I20: what is said of a proposal in the end is so.
    ///
    /// One that was passed on twice was perhaps taken twice; then it is not said which is meant.
    mutating func ended(_ tag: UInt64, _ outcome: ProposalOutcome, _ host: RaftHost) {
        var promised = host.known.promised.removeValue(forKey: tag) ?? []
        let place: Int?
        if case .committed(let position) = outcome {
            acknowledged = max(acknowledged, position.index)
            expect(
                term(of: position) == position.term,
                "I20: node \(host.id.raw) calls committed at \(position.index.raw) what is not"
            )
            place = promised.firstIndex(of: position)
        } else {
            if outcome == .superseded, promised.count == 1 {
                expect(
                    term(of: promised[0]) != promised[0].term,
                    "I20: node \(host.id.raw) calls superseded at \(promised[0].index.raw) what is committed"
                )
            }
            // Ends are told in the order of places.
            place = promised.indices.min { promised[$0].index < promised[$1].index }
        }
        if let place { promised.remove(at: place) }
        if !promised.isEmpty { host.known.promised[tag] = promised }
    }

    private func term(of position: LogPosition) -> Term? {
        let place = Int(position.index.raw) - 2
        return place >= 0 && place < canon.count ? canon[place].term : nil
    }

    /// I11: nobody is said to have lost what is on its disk.
    mutating func says(_ host: RaftHost, of peer: RaftID, _ news: MemberNews) {
        if case .lostData = news {
            fail("I11: node \(host.id.raw) says that node \(peer.raw) has lost something")
        }
    }

    // MARK: - Reads

    mutating func asks(_ tag: UInt64, _ host: RaftHost) {
        floors[tag] = acknowledged
        if host.raft.role == .leader { host.known.asked.insert(tag) }
    }

    /// I13: a read sees all of which somebody was told before it began.
    mutating func answeredRead(_ tag: UInt64, _ verdict: ReadVerdict, _ host: RaftHost) {
        host.known.asked.remove(tag)
        guard let floor = floors.removeValue(forKey: tag), case .ready(let index) = verdict else {
            return
        }
        expect(
            index >= floor,
            "I13: node \(host.id.raw) answers a read by \(index.raw), others were told of \(floor.raw)"
        )
        acknowledged = max(acknowledged, index)
    }

    /// I18: who was told to wait hears the end of it.
    mutating func keptPromises(_ host: RaftHost) {
        // Of what would stand further on than anything does nobody can say more yet.
        let late = host.known.promised.values.flatMap { $0.map(\.index) }
            .filter { $0 <= host.applied }
        expect(
            late.isEmpty,
            "I18: node \(host.id.raw) does not say what became of proposals at \(late.map(\.raw))"
        )
        expect(
            host.known.asked.isEmpty,
            "I18: node \(host.id.raw) leaves \(host.known.asked.count) reads without an answer"
        )
    }
}
