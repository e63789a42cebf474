/// Sizes and numbers of the files of a journal; docs/journal.md draws them.
package enum JournalFormat {
    /// What this program writes; it reads no other.
    package static let version: UInt16 = 1

    /// Default size of a segment; source: raft.md §3.7.
    package static let segmentOctets = 16 << 20

    /// A segment's header.
    package static let headerOctets = 128
    /// In front of each frame's payload.
    package static let frameOctets = 8
    /// The commit frame that ends each batch, with its header.
    package static let commitOctets = 56
    /// The batch that ends a sealed segment.
    package static let sealOctets = frameOctets + commitOctets
    /// The fields of an entry in front of its payload.
    package static let entryOctets = 24
    /// The fields of a hard state.
    package static let hardStateOctets = 40
    /// The fields of a mark in front of the membership.
    package static let markOctets = 32
    /// A sealed payload is longer by a nonce and a tag.
    package static let nonceOctets = 12
    package static let tagOctets = 16
    package static let sealingOctets = nonceOctets + tagOctets

    /// Frames stand at multiples of this.
    package static let alignment = 8

    static func padded(_ octets: Int) -> Int { (octets + alignment - 1) & ~(alignment - 1) }

    /// "WAGLOG" and two digits for the kind of file.
    static let segmentMagic: UInt64 = 0x3130_474f_4c47_4157
    static let watermarkMagic: UInt64 = 0x3230_474f_4c47_4157
    static let nodeMagic: UInt64 = 0x3330_474f_4c47_4157
    static let snapshotMagic: UInt64 = 0x3430_474f_4c47_4157
    static let keyMagic: UInt64 = 0x3530_474f_4c47_4157
}

/// What a frame has.
package enum FrameKind: UInt8, Hashable, Sendable {
    case entry = 1
    case hardState = 2
    case mark = 3
    /// Ends a batch.
    case commit = 6
    /// Nothing follows in this segment.
    case seal = 7
    /// A piece of a snapshot.
    case chunk = 9
    /// The end of a snapshot.
    case footer = 10
}

/// Says more of a frame than its kind.
package struct FrameFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The payload is sealed; which key, nonce and tag are in the frame.
    package static let sealed = FrameFlags(rawValue: 1)
    /// A mark takes the place of the whole log.
    package static let replacesLog = FrameFlags(rawValue: 2)
}

/// Why a file is not what it should be.
package enum FileFault: Error, Hashable, Sendable {
    /// Fewer octets than it has to have.
    case short(needed: Int, have: Int)
    /// It is no file of that kind.
    case notOurs
    /// Another version of this program wrote it.
    case version(UInt16)
    /// Its checksum is another.
    case checksum
    /// Another cluster's or node's.
    case foreign
    /// What it says of itself is not what its name says.
    case misnamed
}
