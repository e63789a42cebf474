/// A message for every member, named by its sender.
///
/// Source: gossip-wire.md §18.3.
package struct SerfEvent: Hashable, Sendable {
    package var time: LamportTime
    package var name: [UInt8]
    package var payload: [UInt8]
    /// Of several of one name a member may take the last alone.
    package var coalesces: Bool

    package init(time: LamportTime, name: [UInt8], payload: [UInt8], coalesces: Bool) {
        self.time = time
        self.name = name
        self.payload = payload
        self.coalesces = coalesces
    }

    /// The longest event, name and payload, in octets (serf's hard cap; gossip-wire.md §18.3).
    package static let octetsMax = 9 * 1024
}

/// A question to every member, or to those that its filters leave.
///
/// Source: gossip-wire.md §18.3.
package struct SerfQuery: Hashable, Sendable {
    package var time: LamportTime
    package var id: UInt32
    /// Where the answers go.
    package var address: AddressOctets
    package var port: UInt16
    package var asker: NodeName
    /// Encoded; see `SerfFilter`.
    package var filters: [[UInt8]]
    package var wantsAck: Bool
    /// Those who hear it pass it to nobody.
    package var isQuiet: Bool
    /// Other bits of the flags, kept as they came.
    package var otherFlags: UInt32
    /// How many members each answer is to be relayed by.
    package var relayFactor: UInt8
    /// How long answers are waited for.
    package var timeoutNanoseconds: Int64
    package var name: [UInt8]
    package var payload: [UInt8]

    package init(
        time: LamportTime,
        id: UInt32,
        address: AddressOctets,
        port: UInt16,
        asker: NodeName,
        name: [UInt8],
        payload: [UInt8] = [],
        filters: [[UInt8]] = [],
        wantsAck: Bool = false,
        isQuiet: Bool = false,
        otherFlags: UInt32 = 0,
        relayFactor: UInt8 = 0,
        timeoutNanoseconds: Int64
    ) {
        self.time = time
        self.id = id
        self.address = address
        self.port = port
        self.asker = asker
        self.name = name
        self.payload = payload
        self.filters = filters
        self.wantsAck = wantsAck
        self.isQuiet = isQuiet
        self.otherFlags = otherFlags
        self.relayFactor = relayFactor
        self.timeoutNanoseconds = timeoutNanoseconds
    }
}

/// Whom a query is for.
///
/// Source: gossip-wire.md §18.3.
package enum SerfFilter: Hashable, Sendable {
    case nodes([NodeName])
    /// Members with that tag, its value as the expression has it.
    case tag([UInt8], expression: [UInt8])
}

/// One member's answer to a query, or that it has heard it.
///
/// Source: gossip-wire.md §18.3.
package struct SerfQueryResponse: Hashable, Sendable {
    package var time: LamportTime
    package var id: UInt32
    package var from: NodeName
    /// Only that the query was heard.
    package var isAck: Bool
    package var payload: [UInt8]

    package init(
        time: LamportTime,
        id: UInt32,
        from: NodeName,
        isAck: Bool,
        payload: [UInt8] = []
    ) {
        self.time = time
        self.id = id
        self.from = from
        self.isAck = isAck
        self.payload = payload
    }
}

/// "Pass this on to that node." Source: gossip-wire.md §18.3.
package struct SerfRelay: Hashable, Sendable {
    package var address: AddressOctets
    package var port: UInt16
    /// Of a link-local IPv6 address; mostly empty.
    package var zone: [UInt8]
    package var node: NodeName
    /// A whole user message, type octet of serf's first.
    package var inner: [UInt8]

    package init(
        address: AddressOctets,
        port: UInt16,
        zone: [UInt8] = [],
        node: NodeName,
        inner: [UInt8]
    ) {
        self.address = address
        self.port = port
        self.zone = zone
        self.node = node
        self.inner = inner
    }
}
