/// Packs messages into the content of one datagram: as many as go in.
///
/// A value is scratch: it holds a dictionary's memory between datagrams and nothing else.
/// Source: gossip-wire.md §1, §5.6, §12.
package struct PacketWriter {
    private var lzw = LZWEncoder()

    package init() {}

    /// A datagram's content, checksum and all, before encryption and label.
    package struct Content: Hashable, Sendable {
        package let octets: [UInt8]
        /// How many of the candidates are in it: the first so many.
        package let taken: Int
    }

    /// Times that a longer content is tried against the compressed budget.
    private static let triesMax = 5
    /// How much longer than the datagram a content may be that is tried compressed.
    ///
    /// LZW makes less
    /// than that of rumours.
    private static let gainMax = 8

    /// Packs all of `messages`, and of `candidates` the longest beginning that fits.
    ///
    /// Each is a whole message, type octet first. Without candidates the content may be longer than
    /// the frame allows: whoever sends one long message answers for it. Compressed content is used
    /// where it is shorter, or where it takes more candidates than fit plain.
    package mutating func pack(
        _ messages: [[UInt8]],
        candidates: [[UInt8]] = [],
        in frame: DatagramFrame
    ) -> Content {
        precondition(messages.count <= DatagramFrame.partsMax, "\(messages.count) messages")
        let limit = frame.contentOctetsMax
        let fitting = Self.beginning(of: candidates, after: messages, octetsMax: limit)
        var best = Self.content(messages, candidates[..<fitting])
        var taken = fitting
        if let from = frame.compressedFrom, best.count >= from {
            if let packed = compressed(best, octetsMax: best.count - 1) { best = packed }
            var sure = fitting
            var unsure = Self.beginning(
                of: candidates,
                after: messages,
                octetsMax: Self.gainMax * limit
            )
            var tries = 0
            while sure < unsure, tries < Self.triesMax {
                let middle = (sure + unsure + 1) / 2
                let longer = Self.content(messages, candidates[..<middle])
                if let packed = compressed(longer, octetsMax: limit) {
                    (best, taken, sure) = (packed, middle, middle)
                } else {
                    unsure = middle - 1
                }
                tries += 1
            }
        }
        guard frame.hasChecksum else { return Content(octets: best, taken: taken) }
        var checked: [UInt8] = [MessageType.checksummed.rawValue]
        checked.reserveCapacity(checksumOctets + best.count)
        checked.append(uint32: Checksum.of(best.span))
        checked += best
        return Content(octets: checked, taken: taken)
    }

    /// How many candidates, from the first on, fit beside `messages` uncompressed.
    private static func beginning(
        of candidates: [[UInt8]],
        after messages: [[UInt8]],
        octetsMax: Int
    ) -> Int {
        var octets = messages.reduce(0) { $0 + $1.count }
        let room = min(candidates.count, DatagramFrame.partsMax - messages.count)
        for taken in 0..<room {
            octets += candidates[taken].count
            let count = messages.count + taken + 1
            let isTooLong = DatagramFrame.contentOctets(count: count, octets: octets) > octetsMax
            if isTooLong || candidates[taken].count > UInt16.max { return taken }
        }
        return room
    }

    /// One message bare, several as a compound, nothing as nothing.
    private static func content(
        _ messages: [[UInt8]],
        _ candidates: ArraySlice<[UInt8]>
    ) -> [UInt8] {
        let count = messages.count + candidates.count
        if count == 1, let only = messages.first ?? candidates.first { return only }
        if count == 0 { return [] }
        let octets =
            messages.reduce(0) { $0 + $1.count } + candidates.reduce(0) { $0 + $1.count }
        var out: [UInt8] = [MessageType.compound.rawValue, UInt8(count)]
        out.reserveCapacity(DatagramFrame.contentOctets(count: count, octets: octets))
        for message in messages { out.append(uint16: UInt16(message.count)) }
        for message in candidates { out.append(uint16: UInt16(message.count)) }
        for message in messages { out += message }
        for message in candidates { out += message }
        return out
    }

    /// The compressed message of `content`; nil when it takes more than `octetsMax` octets.
    private mutating func compressed(_ content: [UInt8], octetsMax: Int) -> [UInt8]? {
        let packedMax = octetsMax - CompressedMessage.overheadMin
        guard packedMax > 0, let packed = lzw.encode(content.span, octetsMax: packedMax) else {
            return nil
        }
        let total = CompressedMessage.overhead(packed: packed.count) + packed.count
        return total <= octetsMax ? CompressedMessage.write(packed: packed) : nil
    }
}
