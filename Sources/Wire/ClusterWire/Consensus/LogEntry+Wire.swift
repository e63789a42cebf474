package import SwarmCore

extension LogEntry.Content {
    private static let emptyKind: UInt8 = 0
    private static let commandKind: UInt8 = 1
    private static let membershipKind: UInt8 = 2

    /// The octet that stands before `wireOctets`, on the line and in the journal.
    package var wireKind: UInt8 {
        switch self {
        case .empty: Self.emptyKind
        case .command: Self.commandKind
        case .membership: Self.membershipKind
        }
    }

    package var wireOctets: [UInt8] {
        switch self {
        case .empty: []
        case .command(let octets): octets
        case .membership(let change): change.wireOctets
        }
    }

    /// Throws: `WireFault` where a kind is not known, or octets are not of it.
    package init(wireKind kind: UInt8, octets: [UInt8]) throws(WireFault) {
        switch kind {
        case Self.emptyKind:
            guard octets.isEmpty else { throw .trailing(offset: 0) }
            self = .empty
        case Self.commandKind: self = .command(octets)
        case Self.membershipKind: self = .membership(try MembershipChange(wireOctets: octets.span))
        default: throw .kind(kind, offset: 0)
        }
    }
}

extension MembershipChange {
    /// Layout: transition (0 automatic, 1 implicit, 2 explicit), number of steps, for each its kind (1 voter,
    /// 2 learner, 3 remove, 4 update, 5 join) and node, then the length and octets of the context.
    package var wireOctets: [UInt8] {
        var writer = WireWriter(capacity: 4 + 4 * steps.count + context.count)
        switch transition {
        case .automatic: writer.octet(0)
        case .implicit: writer.octet(1)
        case .explicit: writer.octet(2)
        }
        writer.number(steps.count)
        for step in steps {
            let (kind, id): (UInt8, RaftID) =
                switch step {
                case .addVoter(let id): (1, id)
                case .addLearner(let id): (2, id)
                case .remove(let id): (3, id)
                case .update(let id): (4, id)
                case .join(let id): (5, id)
                }
            writer.octet(kind)
            writer.number(id.raw)
        }
        writer.run(context)
        return writer.octets
    }

    /// Throws: `WireFault`.
    package init(wireOctets octets: Span<UInt8>) throws(WireFault) {
        var reader = WireReader(octets)
        let transition: Transition
        switch try reader.octet() {
        case 0: transition = .automatic
        case 1: transition = .implicit
        case 2: transition = .explicit
        case let kind: throw .kind(kind, offset: 0)
        }
        var steps: [Step] = []
        for _ in 0..<(try reader.count(max: WireLimits.membersMax, octets: 2)) {
            let offset = reader.at
            let kind = try reader.octet()
            let id = RaftID(try reader.number())
            switch kind {
            case 1: steps.append(.addVoter(id))
            case 2: steps.append(.addLearner(id))
            case 3: steps.append(.remove(id))
            case 4: steps.append(.update(id))
            case 5: steps.append(.join(id))
            default: throw .kind(kind, offset: offset)
            }
        }
        let context = try reader.octets(max: WireLimits.contextOctetsMax)
        try reader.end()
        self.init(steps, transition: transition, context: context)
    }
}

extension WireWriter {
    /// Layout: number of entries, for each its term, kind, length and octets; their places follow from the
    /// first.
    mutating func entries(_ entries: [LogEntry]) {
        number(entries.count)
        for entry in entries {
            number(entry.term.raw)
            octet(entry.content.wireKind)
            if case .command(let octets) = entry.content {
                run(octets)
            } else {
                run(entry.content.wireOctets)
            }
        }
    }
}

extension WireReader {
    mutating func entries(after previous: LogIndex) throws(WireFault) -> [LogEntry] {
        let count = try count(octets: 3)
        var entries: [LogEntry] = []
        entries.reserveCapacity(count)
        var index = previous
        for _ in 0..<count {
            let term = Term(try number())
            let offset = at
            let kind = try octet()
            let octets = try octets(max: WireLimits.commandOctetsMax)
            let content: LogEntry.Content
            do {
                content = try LogEntry.Content(wireKind: kind, octets: octets)
            } catch .kind {
                throw .kind(kind, offset: offset)
            } catch {
                throw error
            }
            index = index.next
            entries.append(
                LogEntry(position: LogPosition(term: term, index: index), content: content)
            )
        }
        return entries
    }
}
