/// The id of a network, as octets: Docker's are 25 characters.
///
/// Octets as `NodeName`s are, and never with a `/`, at which Docker's nodes cut their paths.
/// Source: networkdb-dns.md A1, A4.
package struct NetworkID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let octetsMax = 255

    package let octets: [UInt8]

    package init(octets: [UInt8]) {
        self.octets = octets
    }

    package init(_ text: String) {
        octets = Array(text.utf8)
    }

    package var description: String { String(decoding: octets, as: UTF8.self) }

    package static func < (left: NetworkID, right: NetworkID) -> Bool {
        left.octets.lexicographicallyPrecedes(right.octets)
    }
}

/// The name of a table of a network.
///
/// Docker's nodes keep and pass on tables of any name; those they read are `endpoints` and `peers`.
/// Names of tables that only we read begin with `x_`. Source: networkdb-dns.md A1, A15.10.
package struct TableName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let octetsMax = 64
    /// Who offers what at which address: `EndpointRecord`s.
    package static let endpoints = TableName("endpoint_table")
    /// Behind which node an address is: `PeerRecord`s.
    package static let peers = TableName("overlay_peer_table")

    package let octets: [UInt8]

    package init(octets: [UInt8]) {
        self.octets = octets
    }

    package init(_ text: String) {
        octets = Array(text.utf8)
    }

    package var description: String { String(decoding: octets, as: UTF8.self) }

    package static func < (left: TableName, right: TableName) -> Bool {
        left.octets.lexicographicallyPrecedes(right.octets)
    }
}

/// Which entry of a network: a table and a key in it.
///
/// Keys of Docker's tables are endpoint ids, 64 hexadecimal digits.
package struct EntryKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let octetsMax = 255

    package let table: TableName
    package let key: [UInt8]

    package init(_ table: TableName, _ key: [UInt8]) {
        self.table = table
        self.key = key
    }

    package var description: String { "\(table)/\(String(decoding: key, as: UTF8.self))" }

    package static func < (left: EntryKey, right: EntryKey) -> Bool {
        left.table != right.table
            ? left.table < right.table : left.key.lexicographicallyPrecedes(right.key)
    }
}
