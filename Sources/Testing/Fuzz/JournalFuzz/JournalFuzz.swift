import FuzzInput
import JournalWire

/// Segments, snapshots and the small files of a journal, from octets that anything may have become.
///
/// The first octet chooses: a segment whose batches are laid out as the input says and then spoiled, or any
/// octets as one of the files. Checksums are put right where the input could not guess them.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzJournal(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    guard let choice = octets.first, octets.count <= 8192 else { return 0 }
    var rest = Reader(octets: Array(octets.dropFirst()))
    switch choice % 4 {
    case 0: written(&rest)
    case 1: raw(rest.octets)
    case 2: snapshot(rest.octets)
    default: small(rest.octets)
    }
    return 0
}

private let identity = JournalIdentity(high: 1, low: 2, epoch: 3, node: 4)

/// Hands the input out in small pieces, and zeros behind its end.
private struct Reader {
    var octets: [UInt8]
    var place = 0

    var isEmpty: Bool { place >= octets.count }

    mutating func octet() -> UInt8 {
        defer { place += 1 }
        return place < octets.count ? octets[place] : 0
    }

    /// Mostly small, now and then the largest there is.
    mutating func number() -> UInt64 {
        let first = octet()
        switch first {
        case 255: return .max
        case 254: return .max - UInt64(octet())
        case 253: return UInt64(octet()) << 32
        default: return UInt64(first)
        }
    }
}

/// Batches with any frames in them, valid by themselves, and then some octets changed.
private func written(_ reader: inout Reader) {
    let salt = reader.number()
    let header = SegmentHeader(
        identity: identity,
        salt: salt,
        firstSequence: reader.number(),
        firstIndex: reader.number(),
        previousTerm: reader.number(),
        octets: 4096
    )
    var segment = header.encoded
    var writer = BatchWriter(salt: salt)
    var sequence = header.firstSequence
    var previous: UInt32 = 0
    for _ in 0..<Int(reader.octet() % 8) {
        writer.begin(sequence: sequence, previous: previous)
        for _ in 0..<Int(reader.octet() % 6) { add(&reader, to: &writer) }
        previous = writer.commit(lastIndex: reader.number())
        sequence &+= 1
        guard segment.count + writer.octets.count <= 4096 else { break }
        segment += writer.octets
    }
    segment += [UInt8](repeating: 0, count: 4096 - segment.count)
    while !reader.isEmpty {
        let place = Int(reader.number() & 0xff) * 16 + Int(reader.octet() % 16)
        segment[place % segment.count] ^= reader.octet()
    }
    scan(segment, header.name.description)
}

private func add(_ reader: inout Reader, to writer: inout BatchWriter) {
    switch reader.octet() % 5 {
    case 0, 1:
        let payload = [UInt8](repeating: 1, count: Int(reader.octet() % 40))
        let entry = JournalEntry(term: reader.number(), index: reader.number(), payload: payload)
        writer.add(entry)
    case 2:
        writer.add(
            JournalHardState(term: reader.number(), vote: 1, commit: reader.number())
        )
    case 3:
        let mark = JournalMark(index: reader.number(), term: reader.number(), membership: [1])
        writer.add(mark, replacesLog: reader.octet() % 2 == 0)
    default: writer.addSeal()
    }
}

private func raw(_ octets: [UInt8]) {
    let header = SegmentHeader(
        identity: identity,
        salt: 0,
        firstSequence: 1,
        firstIndex: 1,
        previousTerm: 0,
        octets: UInt64(octets.count + JournalFormat.headerOctets)
    )
    scan(header.encoded + octets, header.name.description)
    _ = try? SegmentHeader(octets.span)
}

/// The scan ends, and what it says is consistent, as the last segment and as one in the middle.
private func scan(_ segment: [UInt8], _ name: String) {
    for isLast in [true, false] {
        for sequence in [nil, UInt64(1), .max] {
            let watermark = sequence.map { Watermark(sequence: $0) }
            var scan = JournalScan(identity: identity, watermark: watermark)
            scan.add(segment.span, named: name, isLast: isLast)
            scan.finish()
            if let end = scan.end {
                invariant(end.offset <= segment.count, "it ends inside: \(end)")
                invariant(isLast || end.isSealed || scan.isDamaged, "a middle one is sealed")
            } else {
                invariant(scan.isDamaged, "no end is damage")
            }
            let summary = scan.summary
            var before = summary.firstIndex &- 1
            for place in summary.places {
                invariant(place.firstIndex > before || before == .max, "places are in order")
                invariant(place.octets.upperBound <= segment.count, "places are inside")
                before = place.lastIndex
            }
            for damage in scan.damages {
                invariant(damage.offset + damage.octets <= segment.count, "\(damage)")
            }
            _ = summary.term(at: summary.lastIndex)
        }
    }
}

private func snapshot(_ octets: [UInt8]) {
    var header: [UInt8] = []
    _ = SnapshotFile(JournalMark(index: 1, term: 2, id: 3), of: identity, header: &header)
    for file in [octets, header + octets] {
        guard var state = try? SnapshotFile(file.span, of: identity) else { continue }
        while state.offset + SnapshotFile.pieceOctets <= file.count {
            let start = state.offset + SnapshotFile.pieceOctets
            let head = file.span.extracting(state.offset..<start)
            guard let piece = try? state.head(head, size: file.count) else { break }
            invariant(start + piece.octets <= file.count, "a piece is inside: \(piece)")
            let payload = file.span.extracting(start..<start + piece.octets)
            guard (try? state.accept(piece, head: head, payload: payload)) != nil else { break }
            if piece.isFooter { break }
        }
    }
}

private func small(_ octets: [UInt8]) {
    if let identity = try? NodeFile.identity(octets.span) {
        let again = try? NodeFile.identity(NodeFile.encoded(identity).span)
        invariant(again == identity, "\(identity)")
    }
    if let keys = try? KeyFile.keys(octets.span) {
        invariant(KeyFile.encoded(keys) == octets, "one form of \(keys.count) keys")
    }
    _ = Watermark.newest(in: octets.span, of: identity)
}
