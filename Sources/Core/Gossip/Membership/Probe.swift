/// A number that ties an answer to its question: counted up for each probe of a process, wrapping.
package struct SequenceNumber: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt32

    package init(_ value: UInt32) {
        self.value = value
    }

    package var description: String { String(value) }
}

/// Where an answer is to be sent; each part may be missing.
package struct ProbeSource: Hashable, Sendable {
    package var address: AddressOctets
    /// 0 where it is missing.
    package var port: UInt16
    package var node: NodeName

    package init(address: AddressOctets, port: UInt16, node: NodeName) {
        self.address = address
        self.port = port
        self.node = node
    }

    /// The answer goes where the datagram came from.
    package static let none = ProbeSource(address: .none, port: 0, node: .anyone)
}

/// "Are you there?" Source: gossip-wire.md §4, §10.
package struct Ping: Hashable, Sendable {
    package var sequence: SequenceNumber
    /// Who is asked; others stay silent.
    ///
    /// Empty asks anyone.
    package var node: NodeName
    package var source: ProbeSource

    package init(sequence: SequenceNumber, node: NodeName, source: ProbeSource) {
        self.sequence = sequence
        self.node = node
        self.source = source
    }
}

/// "Ask that one for me." Source: gossip-wire.md §4, §10.
package struct IndirectPing: Hashable, Sendable {
    package var sequence: SequenceNumber
    package var node: NodeName
    package var target: AddressOctets
    /// 0 means the helper's own port.
    package var port: UInt16
    /// Whether the asker understands "no answer so far".
    package var wantsNack: Bool
    package var source: ProbeSource

    package init(
        sequence: SequenceNumber,
        node: NodeName,
        target: AddressOctets,
        port: UInt16,
        wantsNack: Bool,
        source: ProbeSource
    ) {
        self.sequence = sequence
        self.node = node
        self.target = target
        self.port = port
        self.wantsNack = wantsNack
        self.source = source
    }
}

/// "I am here." Source: gossip-wire.md §4.
package struct Ack: Hashable, Sendable {
    package var sequence: SequenceNumber
    /// What the delegate says: serf's coordinate, a digest, or nothing.
    package var payload: [UInt8]

    package init(sequence: SequenceNumber, payload: [UInt8] = []) {
        self.sequence = sequence
        self.payload = payload
    }
}

/// A helper's "no answer so far".
///
/// Source: gossip-wire.md §4, §10.
package struct Nack: Hashable, Sendable {
    package var sequence: SequenceNumber

    package init(sequence: SequenceNumber) {
        self.sequence = sequence
    }
}
