/// Lays out what is written as one unit: frames, and a commit frame that says which and how many.
///
/// The buffer is kept from batch to batch. A batch is valid only in the segment with its salt, behind the
/// batch with the checksum that it names.
package struct BatchWriter: Sendable {
    package private(set) var octets: [UInt8] = []
    package let salt: UInt64
    private var start = 0
    private var sequence: UInt64 = 0
    private var previous: UInt32 = 0
    private var frames: UInt32 = 0
    private var firstIndex: UInt64 = 0

    package init(salt: UInt64) {
        self.salt = salt
    }

    /// In each frame's header: tells a batch that was begun here from what an earlier use left.
    static func tag(of salt: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: salt ^ salt >> 16 ^ salt >> 32 ^ salt >> 48) | 1
    }

    /// Starts a batch, behind a segment's header where there is one.
    package mutating func begin(sequence: UInt64, previous: UInt32, header: [UInt8] = []) {
        octets.removeAll(keepingCapacity: true)
        octets += header
        start = header.count
        self.sequence = sequence
        self.previous = previous
        frames = 0
        firstIndex = 0
    }

    /// An entry whose payload everybody may read.
    package mutating func add(_ entry: JournalEntry) {
        begin(entry, key: 0, payload: entry.payload, flags: [])
    }

    /// An entry whose payload was sealed with the key of that number.
    package mutating func add(_ entry: JournalEntry, key: UInt32, sealed: [UInt8]) {
        begin(entry, key: key, payload: sealed, flags: .sealed)
    }

    /// What is sealed along with an entry's payload, so that it cannot be moved to another place.
    package static func additional(_ entry: JournalEntry, key: UInt32) -> [UInt8] {
        var out: [UInt8] = []
        fields(of: entry, key: key, to: &out)
        return out
    }

    package mutating func add(_ state: JournalHardState) {
        header(.hardState, octets: JournalFormat.hardStateOctets)
        for number in [state.term, state.vote, state.commit, state.fence] { octets.put(number) }
        octets.put(state.boots)
        octets.put(UInt32(state.isIncomplete ? 1 : 0))
    }

    package mutating func add(_ mark: JournalMark, replacesLog: Bool) {
        let length = JournalFormat.markOctets + mark.membership.count
        header(.mark, replacesLog ? .replacesLog : [], octets: length)
        for number in [mark.index, mark.term, mark.id, mark.octets] { octets.put(number) }
        octets += mark.membership
        octets.fill(to: start + JournalFormat.padded(octets.count - start))
    }

    /// Nothing follows in this segment.
    package mutating func addSeal() {
        header(.seal, octets: 0)
    }

    /// Ends the batch, after which `lastIndex` is the log's last one.
    ///
    /// Returns the checksum that the next batch has to name.
    package mutating func commit(lastIndex: UInt64) -> UInt32 {
        let here = octets.count
        header(.commit, octets: JournalFormat.commitOctets - JournalFormat.frameOctets)
        octets.put(sequence)
        octets.put(firstIndex)
        octets.put(lastIndex)
        octets.put(frames - 1)
        octets.put(UInt32(here - start + JournalFormat.commitOctets))
        octets.put(previous)
        let checksum = BatchSum.all(octets.span.extracting(start..<octets.count), salt: salt)
        octets.put(checksum)
        octets.put(BatchSum.commit(octets.span.extracting(here..<octets.count), salt: salt))
        octets.put(UInt32(0))
        return checksum
    }

    /// What an entry takes in a batch.
    package static func octets(of entry: JournalEntry, isSealed: Bool) -> Int {
        JournalFormat.frameOctets + JournalFormat.entryOctets
            + JournalFormat.padded(
                entry.payload.count + (isSealed ? JournalFormat.sealingOctets : 0)
            )
    }

    private mutating func begin(
        _ entry: JournalEntry,
        key: UInt32,
        payload: [UInt8],
        flags: FrameFlags
    ) {
        if firstIndex == 0 { firstIndex = entry.index }
        header(.entry, flags, octets: JournalFormat.entryOctets + payload.count)
        Self.fields(of: entry, key: key, to: &octets)
        octets += payload
        octets.fill(to: start + JournalFormat.padded(octets.count - start))
    }

    private static func fields(of entry: JournalEntry, key: UInt32, to out: inout [UInt8]) {
        out.put(entry.term)
        out.put(entry.index)
        out.put(UInt32(entry.kind))
        out.put(key)
    }

    private mutating func header(_ kind: FrameKind, _ flags: FrameFlags = [], octets length: Int) {
        octets.put(
            UInt64(UInt32(length)) | UInt64(kind.rawValue) << 32 | UInt64(flags.rawValue) << 40
                | UInt64(Self.tag(of: salt)) << 48
        )
        frames += 1
    }
}

/// The two checksums of a commit frame.
enum BatchSum {
    /// Over the whole batch up to itself.
    static func all(_ octets: Span<UInt8>, salt: UInt64) -> UInt32 {
        var sum = CRC32C()
        sum.add(salt)
        sum.add(octets)
        return sum.value
    }

    /// Over the commit frame alone, so that it can be recognized behind damage.
    static func commit(_ octets: Span<UInt8>, salt: UInt64) -> UInt32 {
        var sum = CRC32C()
        sum.add(~salt)
        sum.add(octets)
        return sum.value
    }
}
