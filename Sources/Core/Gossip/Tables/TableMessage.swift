/// A node says of itself that it is there, or that it leaves.
///
/// Source: networkdb-dns.md A2, A5.1.
package struct NodeEvent: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case join = 1
        case leave = 2
    }

    /// nil for a number that is no kind; such an event does nothing.
    package var kind: Kind?
    /// Of the sender's clock of networks.
    package var time: LamportTime
    package var node: NodeName
    /// The node ends now and is back within so many seconds; 0 from all others.
    ///
    /// Field 100.
    package var backSeconds: UInt32

    package init(
        _ kind: Kind?,
        _ node: NodeName,
        at time: LamportTime,
        backSeconds: UInt32 = 0
    ) {
        self.kind = kind
        self.node = node
        self.time = time
        self.backSeconds = backSeconds
    }
}

/// A node attaches itself to a network, or detaches itself.
///
/// Source: networkdb-dns.md A2, A5.2.
package struct NetworkEvent: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case join = 1
        case leave = 2
    }

    /// nil for a number that is no kind; such an event does nothing.
    package var kind: Kind?
    /// Of the node's clock of networks.
    package var time: LamportTime
    package var node: NodeName
    package var network: NetworkID

    package init(_ kind: Kind?, _ node: NodeName, _ network: NetworkID, at time: LamportTime) {
        self.kind = kind
        self.node = node
        self.network = network
        self.time = time
    }
}

/// An entry of a table was created, changed or deleted by its owner.
///
/// Source: networkdb-dns.md A2, A5.3.
package struct TableEvent: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case create = 1
        case update = 2
        case delete = 3
    }

    /// nil for a number that is no kind; such an event does nothing.
    package var kind: Kind?
    /// Of the owner's clock of tables.
    package var time: LamportTime
    /// Who wrote it, not who passed it on.
    package var owner: NodeName
    package var network: NetworkID
    package var entry: EntryKey
    /// Opaque here; of a deletion the value that was deleted.
    package var value: [UInt8]
    /// Seconds for which a deletion is still to be remembered; 0: whoever reads decides.
    package var residualSeconds: UInt32

    package init(
        _ kind: Kind?,
        _ entry: EntryKey,
        in network: NetworkID,
        owner: NodeName,
        at time: LamportTime,
        value: [UInt8],
        residualSeconds: UInt32 = 0
    ) {
        self.kind = kind
        self.entry = entry
        self.network = network
        self.owner = owner
        self.time = time
        self.value = value
        self.residualSeconds = residualSeconds
    }
}

/// One thing said about nodes, attachments or entries, with its octets as they were heard or written.
///
/// What is passed on is passed on as those octets, so that fields nobody here knows survive.
/// Source: networkdb-dns.md A2.
package struct TableRumour: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case node(NodeEvent)
        case network(NetworkEvent)
        case table(TableEvent)
    }

    package let content: Content
    /// A whole `GossipMessage` of one event.
    package let octets: [UInt8]

    package init(_ content: Content, octets: [UInt8]) {
        self.content = content
        self.octets = octets
    }
}

/// All that a node has of some networks, or what of it another seems to lack; over a stream.
///
/// Source: networkdb-dns.md A2, A11.
package struct BulkSync: Hashable, Sendable {
    /// Of the sender's clock of tables; of an answer later than that of its question.
    package var time: LamportTime
    /// The sender began this and wants the other's in return.
    package var isUnsolicited: Bool
    package var node: NodeName
    package var networks: [NetworkID]
    package var rumours: [TableRumour]
    /// How many attached nodes the sender gave these to by itself; 0 from those that do not say.
    ///
    /// So a receiver knows whether others still need them from it. Field 100.
    package var reach: UInt32

    package init(
        time: LamportTime,
        isUnsolicited: Bool,
        node: NodeName,
        networks: [NetworkID],
        rumours: [TableRumour],
        reach: UInt32 = 0
    ) {
        self.time = time
        self.isUnsolicited = isUnsolicited
        self.node = node
        self.networks = networks
        self.rumours = rumours
        self.reach = reach
    }
}

/// One attachment that a node knows of, in the state that goes with membership's tables.
///
/// Source: networkdb-dns.md A2.
package struct Attachment: Hashable, Sendable {
    package var network: NetworkID
    package var time: LamportTime
    package var node: NodeName
    package var isLeaving: Bool

    package init(_ node: NodeName, _ network: NetworkID, at time: LamportTime, isLeaving: Bool) {
        self.node = node
        self.network = network
        self.time = time
        self.isLeaving = isLeaving
    }
}

/// Who is attached to what, as one node has it: the user state of membership's exchanges.
///
/// Source: networkdb-dns.md A2, A13.
package struct TableState: Hashable, Sendable {
    package var time: LamportTime
    package var node: NodeName
    package var attachments: [Attachment]

    package init(time: LamportTime, node: NodeName, attachments: [Attachment]) {
        self.time = time
        self.node = node
        self.attachments = attachments
    }
}

/// How much of one owner's entries a node has: equal for equal entries.
package struct EntrySum: Hashable, Sendable {
    package var count: UInt32
    /// The latest time among them.
    package var latest: LamportTime
    /// Sum of the hashes of all of them, modulo 2^64.
    package var sum: UInt64

    package init(count: UInt32 = 0, latest: LamportTime = LamportTime(0), sum: UInt64 = 0) {
        self.count = count
        self.latest = latest
        self.sum = sum
    }
}

/// What one node has of a network, in sums, for one that seems to have something else.
///
/// Only between nodes that say they can read it (`NodeMeta.Capabilities`); its octets begin with 0xF7, which no
/// protobuf message does. Source: gossip-scale.md §3.2, §3.9; docs/decisions/0010.
package struct TableDigest: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        /// For each owner what the sender has of it. `isWhole`: owners that are not named have nothing
        /// there.
        case owners([Owner], isWhole: Bool)
        /// For each owner the sums of sixteen ranges of its entries, by the hash of their keys.
        case ranges([Ranges])
    }

    /// Who says it: over a stream an address does not tell.
    package var sender: NodeName
    package var network: NetworkID
    /// The reader is to say what it has where that differs.
    package var wantsAnswer: Bool
    package var content: Content

    package init(
        from sender: NodeName,
        of network: NetworkID,
        wantsAnswer: Bool,
        _ content: Content
    ) {
        self.sender = sender
        self.network = network
        self.wantsAnswer = wantsAnswer
        self.content = content
    }

    package struct Owner: Hashable, Sendable {
        package var node: NodeName
        package var sum: EntrySum

        package init(_ node: NodeName, _ sum: EntrySum) {
            self.node = node
            self.sum = sum
        }
    }

    package struct Ranges: Hashable, Sendable {
        package static let count = 16

        package var node: NodeName
        /// Sixteen sums of hashes, modulo 2^64.
        package var sums: [UInt64]

        package init(_ node: NodeName, sums: [UInt64]) {
            precondition(sums.count == Self.count, "\(sums.count) ranges")
            self.node = node
            self.sums = sums
        }
    }
}

/// What an ack of a capable node carries: whether it has the same as the asker, in a few octets.
///
/// At most 64 octets, so that no probe grows by much. Source: gossip-scale.md §3.9.
package struct AckDigest: Hashable, Sendable {
    package struct Root: Hashable, Sendable {
        /// Of the network's id.
        package var network: UInt32
        /// Sum of the hashes of all its entries, modulo 2^64.
        package var root: UInt64

        package init(network: UInt32, root: UInt64) {
            self.network = network
            self.root = root
        }
    }

    /// The most networks that one ack speaks of; they take turns.
    package static let rootsMax = 3

    /// How full what waits to be read is, 0 to 255.
    package var fill: UInt8
    /// Sum of the hashes of all members and attachments that the sender knows, modulo 2^64.
    package var members: UInt64
    package var roots: [Root]

    package init(fill: UInt8, members: UInt64, roots: [Root]) {
        self.fill = fill
        self.members = members
        self.roots = roots
    }
}

/// What a user message of a NetworkDB ring says.
package enum TableMessage: Hashable, Sendable {
    /// One or more rumours: a `GossipMessage`, or a compound of them in order.
    case rumours([TableRumour])
    case bulkSync(BulkSync)
    case digest(TableDigest)
}
