/// Something of a journal that is not what was written.
package struct JournalDamage: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// A segment's header, or the header of a snapshot.
        case header(FileFault)
        /// A segment that has to be there is not; its first batch's number.
        case missing(sequence: UInt64)
        /// A segment has another size than when it was made.
        case size(expected: Int)
        /// A batch that had been on the disk is not whole.
        case batch(sequence: UInt64)
        /// Batches that had been on the disk are gone.
        case lost(through: UInt64)
        /// A whole batch says what cannot follow on what came before.
        case contradiction(sequence: UInt64)
        /// Entries between the snapshot and the log are gone.
        case gap(from: UInt64, to: UInt64)
        /// A snapshot's octets, or the file.
        case snapshot(SnapshotFault)
    }

    /// The file's name in its folder.
    package var file: String
    package var offset: Int
    /// How many octets from there on; 0 where that is not known.
    package var octets: Int
    package var kind: Kind
    /// The last entry before it that can be relied on.
    package var lastIndex: UInt64

    package init(file: String, offset: Int, octets: Int, kind: Kind, lastIndex: UInt64) {
        self.file = file
        self.offset = offset
        self.octets = octets
        self.kind = kind
        self.lastIndex = lastIndex
    }
}

extension JournalDamage: CustomStringConvertible {
    package var description: String {
        let place = octets > 0 ? "octets \(offset)..<\(offset + octets)" : "octet \(offset)"
        return "\(file): \(place): \(kind), good through index \(lastIndex)"
    }
}

extension JournalDamage.Kind: CustomStringConvertible {
    package var description: String {
        switch self {
        case .header(let fault): "header: \(fault)"
        case .missing(let sequence): "the segment that begins with batch \(sequence) is missing"
        case .size(let expected): "the segment was made with \(expected) octets"
        case .batch(let sequence): "batch \(sequence) was on the disk and is damaged"
        case .lost(let through): "batches through \(through) were on the disk and are gone"
        case .contradiction(let sequence): "batch \(sequence) does not follow on what is before it"
        case .gap(let from, let to): "entries \(from) to \(to) are gone"
        case .snapshot(let fault): "snapshot: \(fault)"
        }
    }
}

extension FileFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .short(let needed, let have): "\(have) octets where \(needed) have to be"
        case .notOurs: "no file of a journal"
        case .version(let version):
            "format \(version); this program knows \(JournalFormat.version)"
        case .checksum: "the checksum is another"
        case .foreign: "it is another node's or cluster's"
        case .misnamed: "its name is another file's"
        }
    }
}
