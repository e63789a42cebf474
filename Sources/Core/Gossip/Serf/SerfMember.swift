/// A member as serf describes it to another when two claim one name.
///
/// Source: gossip-wire.md §18.7.
package struct SerfMember: Hashable, Sendable {
    package var node: NodeName
    package var address: AddressOctets
    package var port: UInt16
    package var tags: SerfTags
    package var status: Status
    package var versions: VersionVector

    /// Serf's own view of a member, beside memberlist's.
    package enum Status: UInt8, Hashable, Sendable, CaseIterable {
        case none = 0
        case alive = 1
        case leaving = 2
        case left = 3
        case failed = 4
    }

    package init(
        node: NodeName,
        address: AddressOctets,
        port: UInt16,
        tags: SerfTags,
        status: Status,
        versions: VersionVector
    ) {
        self.node = node
        self.address = address
        self.port = port
        self.tags = tags
        self.status = status
        self.versions = versions
    }
}

/// What a member says of itself: names with values, in the order in which they came.
///
/// Source: gossip-wire.md §18.2.
package struct SerfTags: Hashable, Sendable {
    package struct Tag: Hashable, Sendable {
        package var name: [UInt8]
        package var value: [UInt8]

        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package var tags: [Tag]

    package init(_ tags: [Tag] = []) {
        self.tags = tags
    }
}

/// Where a node stands in the space of round trips.
///
/// Source: gossip-wire.md §18.8.
package struct SerfCoordinate: Hashable, Sendable {
    /// Seconds, in each of eight directions.
    package var vector: [Double]
    package var error: Double
    /// Seconds.
    package var adjustment: Double
    /// Seconds.
    package var height: Double

    package init(vector: [Double], error: Double, adjustment: Double, height: Double) {
        self.vector = vector
        self.error = error
        self.adjustment = adjustment
        self.height = height
    }

    /// Where a node begins (gossip-wire.md §18.8).
    package static let origin = SerfCoordinate(
        vector: [Double](repeating: 0, count: 8),
        error: 1.5,
        adjustment: 0,
        height: 1e-5
    )
}

/// What a member answers to a question about keys.
///
/// Source: gossip-wire.md §18.7.
package struct SerfKeyAnswer: Hashable, Sendable {
    package var isSuccess: Bool
    package var message: [UInt8]
    /// In base64, as serf has them.
    package var keys: [[UInt8]]
    package var primaryKey: [UInt8]

    package init(isSuccess: Bool, message: [UInt8], keys: [[UInt8]], primaryKey: [UInt8]) {
        self.isSuccess = isSuccess
        self.message = message
        self.keys = keys
        self.primaryKey = primaryKey
    }
}
