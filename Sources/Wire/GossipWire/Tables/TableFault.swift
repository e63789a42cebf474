/// Why octets say nothing of tables; offsets count from the start of the octets that were read.
package enum TableFault: Error, Hashable, Sendable {
    case empty
    /// The octets end before the item does.
    case truncated(needed: Int, have: Int)
    /// A number of more than 64 bits.
    case number(offset: Int)
    /// A field of number 0, of a group, or of no known form.
    case tag(offset: Int)
    /// A known field in another form than its own.
    case form(field: UInt32, offset: Int)
    /// A name that is missing, too long, or has a `/` where none may be.
    case name(field: UInt32, octets: Int)
    /// A text that is none of the addresses its field may have.
    case address(field: UInt32)
    /// More octets than a reader takes.
    case length(claimed: Int, limit: Int)
    /// More items than a reader takes.
    case count(limit: Int)
    /// A type that is unassigned, or that may not stand where it stood.
    case type(UInt64)
}

/// What one message, state or record may bring, in octets and items.
package enum TableLimits {
    /// A table event's value; ours stay below 1 KiB, so that one fits a datagram (networkdb-dns.md A15.10).
    package static let valueOctetsMax = 8192
    /// A whole rumour: a value, four names, and what is unknown in it.
    package static let rumourOctetsMax = 16_384
    /// Rumours of a message; of a longer one than a datagram as many as octets of `octetsPerRumour`.
    package static let rumoursMax = 65_536
    /// Less than the shortest rumour of any use has.
    package static let octetsPerRumour = 16
    /// Compounds within compounds.
    package static let depthMax = 4
    /// Networks that a bulk sync speaks of.
    package static let networksMax = 4096
    /// Attachments of a state; some thousand nodes in some hundred networks each.
    package static let attachmentsMax = 1_048_576
    /// Owners of a digest.
    package static let ownersMax = 65_536
    /// An endpoint's or a peer's whole record.
    package static let recordOctetsMax = valueOctetsMax
    /// Names within a record (RFC 1035 §2.3.4).
    package static let recordNameOctetsMax = 255
    /// Aliases of a kind, or further addresses of a kind, in a record.
    package static let recordNamesMax = 64
    /// Ports of a kind in a record.
    package static let recordPortsMax = 64

    /// The most rumours that are taken from so many octets.
    static func rumoursMax(octets: Int) -> Int {
        max(rumoursMax, octets / octetsPerRumour)
    }
}
