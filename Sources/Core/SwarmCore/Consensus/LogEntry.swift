/// One entry of the replicated log.
package struct LogEntry: Hashable, Sendable {
    /// What an entry does once it is committed.
    package enum Content: Hashable, Sendable {
        /// Nothing: a new leader's first entry, by which it commits those of its predecessors.
        case empty
        /// A command to the state machine, which alone knows its octets.
        case command([UInt8])
        /// Who is in the cluster, and as what.
        case membership(MembershipChange)
    }

    package let position: LogPosition
    package let content: Content

    package init(position: LogPosition, content: Content) {
        self.position = position
        self.content = content
    }

    package var index: LogIndex { position.index }
    package var term: Term { position.term }

    /// The octets of what it carries: what limits on uncommitted and on travelling entries count.
    package var payloadOctets: Int { content.octets }

    /// About what it takes on the wire and on the disk: its payload and the fields around it, as SwarmKit's
    /// protocol writes them.
    package var octets: Int {
        let payload = payloadOctets
        let fields = 4 + varintOctets(position.term.raw) + varintOctets(position.index.raw)
        return payload == 0 ? fields : fields + 1 + varintOctets(UInt64(payload)) + payload
    }
}

extension LogEntry.Content {
    package var octets: Int {
        switch self {
        case .empty: 0
        case .command(let payload): payload.count
        case .membership(let change): change.octets
        }
    }

    /// What limits on uncommitted entries count: its octets and what is kept beside them, so that commands
    /// without octets are not without end; a leader's own empty entry is free.
    package var charge: Int { self == .empty ? 0 : octets + 32 }

    package var isMembership: Bool {
        if case .membership = self { return true }
        return false
    }
}

/// The octets of a number in protobuf's variable-length form, 1 to 10.
private func varintOctets(_ value: UInt64) -> Int {
    max(1, (64 - value.leadingZeroBitCount + 6) / 7)
}
