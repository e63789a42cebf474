/// A position in a message, with the two walks that every section needs.
///
/// Never recurses, never reads past the end, never follows a pointer forwards.
struct Cursor: ~Escapable {
    let bytes: Span<UInt8>
    var at: Int
    /// Pointers that may still be followed in this message: what bounds hostile chains
    /// (RFC 9267 §2; dns.md §4.4).
    private var hopsLeft: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, at: Int, hops: Int) {
        self.bytes = bytes
        self.at = at
        hopsLeft = hops
    }

    var left: Int { bytes.count - at }

    /// Steps over a name, following pointers far enough to know that they are good.
    ///
    /// Returns false for a length octet of 64 ... 191, a name over 255 octets, a pointer that does
    /// not go strictly backwards or goes into the header, labels that run into what points at them,
    /// too many hops, or the end of the octets.
    mutating func skipName() -> Bool {
        var position = at
        var lowest = at
        // What a pointer leads to stands wholly before it, so that a name depends on nothing that
        // follows it and a message stays what it is when its end is cut off.
        var limit = bytes.count
        var total = 1
        var end: Int?
        while true {
            guard position < limit else { return false }
            let length = Int(bytes[position])
            if length == 0 {
                at = end ?? position + 1
                return true
            }
            if length < 64 {
                total += length + 1
                guard total <= 255, position + length < limit else { return false }
                position += length + 1
                continue
            }
            guard length >= 0xc0, position + 1 < limit, hopsLeft > 0 else { return false }
            hopsLeft -= 1
            let target = (length & 0x3f) << 8 | Int(bytes[position + 1])
            guard target < lowest, target >= MessageSize.header else { return false }
            if end == nil { end = position + 2 }
            limit = lowest
            lowest = target
            position = target
        }
    }

    /// A record's fixed part, with the cursor left at its data.
    struct RecordHead {
        let type: UInt16
        let recordClass: UInt16
        /// Offset of the 32 bits of TTL.
        let ttlAt: Int
        let dataEnd: Int
        let ownerIsRoot: Bool
    }

    /// Reads one record up to its data; nil when it does not fit the message.
    mutating func record() -> RecordHead? {
        let ownerIsRoot = at < bytes.count && bytes[at] == 0
        guard skipName(), left >= 10 else { return nil }
        let fixed = at
        let dataEnd = fixed + 10 + Int(bytes.uint16(at: fixed + 8))
        guard dataEnd <= bytes.count else { return nil }
        at = fixed + 10
        return RecordHead(
            type: bytes.uint16(at: fixed),
            recordClass: bytes.uint16(at: fixed + 2),
            ttlAt: fixed + 4,
            dataEnd: dataEnd,
            ownerIsRoot: ownerIsRoot
        )
    }
}
