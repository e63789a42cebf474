import JournalWire
import Testing

@Suite("Journal files")
struct CodecTests {
    private static let identity = JournalIdentity(high: 1, low: 2, epoch: 3, node: 4)

    @Test("the checksum is Castagnoli's, however it is put together")
    func checksum() {
        // RFC 3720 appendix B.4.
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(CRC32C.of(zeros.span) == 0x8a91_36aa)
        #expect(CRC32C.of([UInt8](repeating: 0xff, count: 32).span) == 0x62a8_ab43)
        #expect(CRC32C.of([UInt8](0..<32).span) == 0x46dd_794e)
        #expect(CRC32C.of(Array("123456789".utf8).span) == 0xe306_9283)
        let octets = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for cut in 0...200 {
            var sum = CRC32C()
            sum.add(octets.span.extracting(0..<cut))
            sum.add(octets.span.extracting(cut..<200))
            #expect(sum.value == CRC32C.of(octets.span))
        }
        var sum = CRC32C()
        sum.add(0x0807_0605_0403_0201)
        #expect(sum.value == CRC32C.of([UInt8](1...8).span))
    }

    @Test("names are what they say, and nothing else is a name")
    func names() {
        let name = SegmentName(firstSequence: 0x1a, firstIndex: 0xff)
        #expect(name.description == "000000000000001a-00000000000000ff.seg")
        #expect(SegmentName(name.description) == name)
        let snapshot = SnapshotName(JournalMark(index: 1, term: 2, id: .max))
        #expect(SnapshotName(snapshot.description) == snapshot)
        for text in [
            "", ".seg", "1a-ff.seg", "000000000000001A-00000000000000ff.seg",
            "000000000000001a-00000000000000ff.seg.bad", "000000000000001a-00000000000000ff",
            "+00000000000001a-00000000000000ff.seg",
        ] {
            #expect(SegmentName(text) == nil, "\(text)")
        }
    }

    @Test("a header comes back, and not with any bit changed")
    func header() throws {
        let header = SegmentHeader(
            identity: Self.identity,
            salt: 5,
            firstSequence: 6,
            firstIndex: 7,
            previousTerm: 8,
            octets: 9
        )
        let octets = header.encoded
        #expect(octets.count == JournalFormat.headerOctets)
        #expect(try SegmentHeader(octets.span) == header)
        for offset in 0..<124 {
            var spoiled = octets
            spoiled[offset] ^= 0x40
            #expect((try? SegmentHeader(spoiled.span)) == nil, "octet \(offset)")
        }
        for length in 0..<octets.count {
            #expect(throws: FileFault.short(needed: 128, have: length)) {
                try SegmentHeader(octets.span.extracting(0..<length))
            }
        }
    }

    @Test("another version is named as such")
    func version() {
        var octets = NodeFile.encoded(Self.identity)
        octets[8] = 9
        let sum = CRC32C.of(octets.span.extracting(0..<52))
        for place in 0..<4 { octets[52 + place] = UInt8(truncatingIfNeeded: sum >> (8 * place)) }
        #expect(throws: FileFault.version(9)) { try NodeFile.identity(octets.span) }
    }

    @Test("of two slots the newer whole one counts")
    func watermark() {
        let old = Watermark(counter: 4, sequence: 10, term: 2, vote: 3, boots: 1)
        let new = Watermark(
            counter: 5,
            sequence: 11,
            term: 3,
            fence: 2,
            isIncomplete: true,
            isClosed: true
        )
        let octets = old.encoded(for: Self.identity) + new.encoded(for: Self.identity)
        #expect((old.offset, new.offset) == (0, 4096))
        #expect(Watermark.newest(in: octets.span, of: Self.identity) == new)
        for offset in 4096..<4096 + 100 {
            var spoiled = octets
            spoiled[offset] ^= 1
            #expect(Watermark.newest(in: spoiled.span, of: Self.identity) == old)
        }
        var other = Self.identity
        other.node = 9
        #expect(Watermark.newest(in: octets.span, of: other) == nil)
        #expect(Watermark.newest(in: [UInt8]().span, of: Self.identity) == nil)
    }

    @Test("keys come back; locked ones say so")
    func keys() throws {
        let keys = [UInt32(1), 7].map {
            KeyFile.Key(number: $0, octets: [UInt8](repeating: UInt8($0), count: 32))
        }
        let octets = KeyFile.encoded(keys)
        #expect(try KeyFile.keys(octets.span) == keys)
        for offset in octets.indices {
            var spoiled = octets
            spoiled[offset] ^= 2
            #expect((try? KeyFile.keys(spoiled.span)) == nil)
        }
        var locked = octets
        locked[10] = 1
        let sum = CRC32C.of(locked.span.extracting(0..<locked.count - 4))
        for place in 0..<4 {
            locked[locked.count - 4 + place] = UInt8(truncatingIfNeeded: sum >> (8 * place))
        }
        #expect(throws: KeyFile.Fault.locked) { try KeyFile.keys(locked.span) }
    }

    /// A segment with one batch of every kind of frame.
    private static func segment() -> (octets: [UInt8], salt: UInt64) {
        let salt: UInt64 = 0x1234_5678_9abc_def0
        let header = SegmentHeader(
            identity: identity,
            salt: salt,
            firstSequence: 1,
            firstIndex: 1,
            previousTerm: 0,
            octets: 1024
        )
        var writer = BatchWriter(salt: salt)
        writer.begin(sequence: 1, previous: 0, header: header.encoded)
        writer.add(JournalMark(index: 3, term: 1, id: 9, membership: [1, 2, 3]), replacesLog: true)
        writer.add(JournalEntry(term: 1, index: 4, kind: 2, payload: [9, 8, 7]))
        writer.add(
            JournalEntry(term: 2, index: 5),
            key: 6,
            sealed: [UInt8](repeating: 1, count: 30)
        )
        writer.add(
            JournalHardState(
                term: 2,
                vote: 3,
                commit: 4,
                fence: 1,
                boots: 7,
                isIncomplete: true
            )
        )
        _ = writer.commit(lastIndex: 5)
        var octets = writer.octets
        octets += [UInt8](repeating: 0, count: 1024 - octets.count)
        return (octets, salt)
    }

    @Test("every kind of frame comes back")
    func frames() throws {
        let (octets, salt) = Self.segment()
        let reader = BatchReader(salt: salt)
        let batch = try reader.batch(at: 128, in: octets.span)
        #expect((batch.sequence, batch.firstIndex, batch.lastIndex) == (1, 4, 5))
        var place = batch.range.lowerBound
        var kinds: [FrameKind] = []
        while place < batch.range.upperBound, let frame = reader.frame(at: place, in: octets.span) {
            kinds.append(frame.kind)
            switch frame.kind {
            case .mark:
                #expect(frame.flags == .replacesLog)
                let mark = frame.mark(in: octets.span)
                #expect(mark == JournalMark(index: 3, term: 1, id: 9, membership: [1, 2, 3]))
            case .entry where frame.flags.contains(.sealed):
                let (entry, key) = frame.entry(in: octets.span)
                #expect((entry.index, entry.payload.count, key) == (5, 30, 6))
            case .entry:
                let (entry, key) = frame.entry(in: octets.span)
                #expect(entry == JournalEntry(term: 1, index: 4, kind: 2, payload: [9, 8, 7]))
                #expect(key == 0)
            case .hardState:
                let state = frame.hardState(in: octets.span)
                #expect((state.term, state.vote, state.commit) == (2, 3, 4))
                #expect((state.fence, state.boots, state.isIncomplete) == (1, 7, true))
            default: break
            }
            place = frame.end
        }
        #expect(kinds == [.mark, .entry, .entry, .hardState, .commit])
    }

    @Test("no changed octet of a batch, and no shorter one, is a batch")
    func changed() throws {
        let (octets, salt) = Self.segment()
        let reader = BatchReader(salt: salt)
        let end = try reader.batch(at: 128, in: octets.span).range.upperBound
        for offset in 128..<end {
            for bit in 0..<8 {
                var spoiled = octets
                spoiled[offset] ^= UInt8(1 << bit)
                #expect((try? reader.batch(at: 128, in: spoiled.span)) == nil)
            }
        }
        for length in 128..<end {
            let short = octets.span.extracting(0..<length)
            #expect((try? reader.batch(at: 128, in: short)) == nil)
        }
        // Another use of the file left it.
        #expect(throws: BatchFault.nothing) {
            try BatchReader(salt: salt ^ 1 << 20).batch(at: 128, in: octets.span)
        }
    }

    @Test("a length that is not there is never read")
    func lengths() {
        let (octets, salt) = Self.segment()
        let reader = BatchReader(salt: salt)
        for length in [UInt32.max, 0x7fff_ffff, 1 << 24, 900] {
            var spoiled = octets
            for place in 0..<4 {
                spoiled[128 + place] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(place)))
            }
            #expect(reader.frame(at: 128, in: spoiled.span) == nil)
        }
    }
}
