/// Why a snapshot's octets cannot be relied on.
package enum SnapshotFault: Error, Hashable, Sendable {
    /// There is no file where the log names one.
    case missing
    case header(FileFault)
    /// A piece is not whole: its number, and where it begins.
    case piece(Int, offset: Int)
    /// The file ends, or goes on, where it should not.
    case length(offset: Int)
    /// No key that is here opens a piece.
    case sealed(Int, offset: Int)
}

extension SnapshotFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing: "there is no file"
        case .header(let fault): "header: \(fault)"
        case .piece(let number, let offset): "piece \(number) at octet \(offset) is damaged"
        case .length(let offset): "it was cut off at octet \(offset), or goes on there"
        case .sealed(let number, let offset):
            "no key opens piece \(number) at octet \(offset)"
        }
    }
}

/// A snapshot's file: a header with its mark, pieces, and a footer that says how many they were.
///
/// Each piece's checksum goes on from the one before, so that none can be left out or exchanged.
package struct SnapshotFile: Sendable {
    /// In front of each piece's payload.
    package static let pieceOctets = 16
    package static let footerOctets = pieceOctets + 16
    /// A longer piece is refused before it is read.
    package static let pieceOctetsMax = 16 << 20
    package static let headerOctetsMax = 64 + JournalMark.membershipOctetsMax + 8

    /// What stands in front of a piece's payload.
    package struct Piece: Hashable, Sendable {
        /// Counted from 0.
        package var number: Int
        package var offset: Int
        package var isFooter: Bool
        package var isSealed: Bool
        package var key: UInt32
        package var octets: Int
        fileprivate var checksum: UInt32

        /// Where the next one begins.
        package var end: Int {
            offset + SnapshotFile.pieceOctets + JournalFormat.padded(octets)
        }
    }

    package let mark: JournalMark
    /// Where the next piece begins.
    package private(set) var offset: Int
    private var chain: UInt32
    private var pieces = 0
    /// Octets of the state machine in the pieces so far, opened.
    package private(set) var octets: UInt64 = 0

    /// Starts a file: `header` is to be written first.
    package init(_ mark: JournalMark, of identity: JournalIdentity, header: inout [UInt8]) {
        header = []
        header.put(JournalFormat.snapshotMagic)
        header.put(UInt32(JournalFormat.version))
        header.put(UInt32(mark.membership.count))
        for number in [identity.high, identity.low, identity.node] { header.put(number) }
        for number in [mark.index, mark.term, mark.id] { header.put(number) }
        header += mark.membership
        header.fill(to: JournalFormat.padded(header.count))
        chain = CRC32C.of(header.span)
        header.put(chain)
        header.put(UInt32(0))
        self.mark = mark
        offset = header.count
    }

    /// What is sealed along with a piece, so that it cannot be moved to another place.
    package func additional(number: Int, key: UInt32) -> [UInt8] {
        var out: [UInt8] = []
        for field in [mark.index, mark.term, mark.id, UInt64(number)] { out.put(field) }
        out.put(key)
        return out
    }

    /// The number of the next piece.
    package var nextNumber: Int { pieces }

    /// The next piece as it is to be written; `plain` octets of the state machine are in it.
    package mutating func piece(
        _ payload: [UInt8],
        plain: Int,
        sealedWith key: UInt32?
    ) -> [UInt8] {
        precondition(payload.count <= Self.pieceOctetsMax, "a piece of \(payload.count) octets")
        octets += UInt64(plain)
        pieces += 1
        return laidOut(.chunk, payload, key: key)
    }

    /// The last piece.
    package mutating func footer() -> [UInt8] {
        var payload: [UInt8] = []
        payload.put(octets)
        payload.put(UInt64(pieces))
        return laidOut(.footer, payload, key: nil)
    }

    private mutating func laidOut(
        _ kind: FrameKind,
        _ payload: [UInt8],
        key: UInt32?
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.pieceOctets + JournalFormat.padded(payload.count))
        let flags: FrameFlags = key == nil ? [] : .sealed
        out.put(
            UInt64(UInt32(payload.count)) | UInt64(kind.rawValue) << 32
                | UInt64(flags.rawValue) << 40
        )
        out.put(key ?? 0)
        chain = Self.sum(after: chain, out.span, payload.span)
        out.put(chain)
        out += payload
        out.fill(to: JournalFormat.padded(out.count))
        offset += out.count
        return out
    }

    private static func sum(
        after chain: UInt32,
        _ head: Span<UInt8>,
        _ payload: Span<UInt8>
    ) -> UInt32 {
        var sum = CRC32C()
        sum.add(UInt64(chain))
        sum.add(head)
        sum.add(payload)
        return sum.value
    }
}

extension SnapshotFile {
    /// Starts reading: the file's first octets, up to `headerOctetsMax` of them.
    package init(_ span: Span<UInt8>, of identity: JournalIdentity) throws(SnapshotFault) {
        try self.init(anybodys: span)
        guard span.number64(at: 16) == identity.high, span.number64(at: 24) == identity.low,
            span.number64(at: 32) == identity.node
        else { throw .header(.foreign) }
    }

    /// The same whosever it is.
    package init(anybodys span: Span<UInt8>) throws(SnapshotFault) {
        guard span.count >= 72 else { throw .header(.short(needed: 72, have: span.count)) }
        guard span.number64(at: 0) == JournalFormat.snapshotMagic else { throw .header(.notOurs) }
        guard span.number16(at: 8) == JournalFormat.version else {
            throw .header(.version(span.number16(at: 8)))
        }
        let length = Int(span.number32(at: 12))
        let end = 64 + JournalFormat.padded(min(length, JournalMark.membershipOctetsMax))
        guard length <= JournalMark.membershipOctetsMax, span.count >= end + 8 else {
            throw .header(.short(needed: end + 8, have: span.count))
        }
        chain = CRC32C.of(span.extracting(0..<end))
        guard chain == span.number32(at: end) else { throw .header(.checksum) }
        mark = JournalMark(
            index: span.number64(at: 40),
            term: span.number64(at: 48),
            id: span.number64(at: 56),
            membership: span.copy(64..<64 + length)
        )
        offset = end + 8
    }

    /// What the next `pieceOctets` octets of a file of `size` say of a piece.
    package func head(_ span: Span<UInt8>, size: Int) throws(SnapshotFault) -> Piece {
        guard span.count == Self.pieceOctets else { throw .length(offset: offset) }
        let word = span.number64(at: 0)
        let flags = FrameFlags(rawValue: UInt8(truncatingIfNeeded: word >> 40))
        let kind = FrameKind(rawValue: UInt8(truncatingIfNeeded: word >> 32))
        let piece = Piece(
            number: pieces,
            offset: offset,
            isFooter: kind == .footer,
            isSealed: flags.contains(.sealed),
            key: span.number32(at: 8),
            octets: Int(UInt32(truncatingIfNeeded: word)),
            checksum: span.number32(at: 12)
        )
        guard kind == .chunk || kind == .footer, word >> 48 == 0,
            piece.octets <= Self.pieceOctetsMax, !piece.isFooter || piece.octets == 16
        else { throw .piece(pieces, offset: offset) }
        if piece.end > size || piece.isFooter && piece.end != size { throw .length(offset: size) }
        return piece
    }

    /// Checks a piece and goes on to the next one.
    package mutating func accept(
        _ piece: Piece,
        head: Span<UInt8>,
        payload: Span<UInt8>
    ) throws(SnapshotFault) {
        chain = Self.sum(after: chain, head.extracting(0..<12), payload)
        guard chain == piece.checksum, payload.count == piece.octets else {
            throw .piece(piece.number, offset: piece.offset)
        }
        offset = piece.end
        guard !piece.isFooter else {
            guard payload.number64(at: 0) == octets, payload.number64(at: 8) == UInt64(pieces)
            else { throw .piece(piece.number, offset: piece.offset) }
            return
        }
        pieces += 1
        let sealing = piece.isSealed ? JournalFormat.sealingOctets : 0
        octets += UInt64(max(0, piece.octets - sealing))
    }
}
