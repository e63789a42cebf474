/// How what is said of tables becomes octets, and octets become values, for a core that knows none.
///
/// Made by `GossipWire`; nil stands for octets that say nothing.
package struct TableCodec: Sendable {
    /// A rumour of that content, with its octets.
    package let rumour: @Sendable (TableRumour.Content) -> TableRumour
    /// The octets of a user message.
    package let message: @Sendable (TableMessage) -> [UInt8]
    /// What a user message says, and how many of its parts could not be read.
    package let read: @Sendable ([UInt8]) -> (message: TableMessage, malformed: Int)?
    package let state: @Sendable (TableState) -> [UInt8]
    package let readState: @Sendable ([UInt8]) -> TableState?
    package let ack: @Sendable (AckDigest) -> [UInt8]
    package let readAck: @Sendable ([UInt8]) -> AckDigest?
    /// What the node of that meta can do beyond NetworkDB; empty for any other program.
    package let capabilities: @Sendable (_ meta: [UInt8]) -> TableCapabilities
    /// Which run of which node the meta is of; nil for any other program.
    package let identity: @Sendable (_ meta: [UInt8]) -> NodeIdentity?
    /// Octets that a rumour of so many adds to a compound.
    package let compoundOverhead: @Sendable (_ octets: Int) -> Int

    package init(
        rumour: @escaping @Sendable (TableRumour.Content) -> TableRumour,
        message: @escaping @Sendable (TableMessage) -> [UInt8],
        read: @escaping @Sendable ([UInt8]) -> (message: TableMessage, malformed: Int)?,
        state: @escaping @Sendable (TableState) -> [UInt8],
        readState: @escaping @Sendable ([UInt8]) -> TableState?,
        ack: @escaping @Sendable (AckDigest) -> [UInt8],
        readAck: @escaping @Sendable ([UInt8]) -> AckDigest?,
        capabilities: @escaping @Sendable (_ meta: [UInt8]) -> TableCapabilities,
        identity: @escaping @Sendable (_ meta: [UInt8]) -> NodeIdentity?,
        compoundOverhead: @escaping @Sendable (_ octets: Int) -> Int
    ) {
        self.rumour = rumour
        self.message = message
        self.read = read
        self.state = state
        self.readState = readState
        self.ack = ack
        self.readAck = readAck
        self.capabilities = capabilities
        self.identity = identity
        self.compoundOverhead = compoundOverhead
    }
}

/// What two nodes may do with each other when both say that they can: bits of `NodeMeta`.
///
/// Source: gossip-scale.md §3.9.
package struct TableCapabilities: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Its acks carry an `AckDigest`.
    package static let ackDigest = TableCapabilities(rawValue: 1 << 0)
    /// Reads `TableDigest`s and answers with what the other lacks.
    package static let deltaSync = TableCapabilities(rawValue: 1 << 1)
    /// Passes on at once what is new to it.
    package static let eagerRelay = TableCapabilities(rawValue: 1 << 2)
    /// Its acks speak of members and attachments too.
    package static let memberDigest = TableCapabilities(rawValue: 1 << 3)

    package static let all: TableCapabilities = [
        .ackDigest, .deltaSync, .eagerRelay, .memberDigest,
    ]
}

/// Which run of which node: the name in the ring is another one at each start.
package struct NodeIdentity: Hashable, Sendable {
    /// The node's own, kept over restarts; 16 octets.
    package let id: [UInt8]
    /// Higher for each run of the same node.
    package let boot: UInt64

    package init(id: [UInt8], boot: UInt64) {
        self.id = id
        self.boot = boot
    }
}
