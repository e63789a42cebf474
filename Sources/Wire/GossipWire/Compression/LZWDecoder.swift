/// LZW as peers compress: least significant bit first, 8-bit literals, codes of 9 to 12 bits.
///
/// What a code stands for always stands in the output already, so the dictionary is two numbers per
/// code: where, and how long. Source: gossip-wire.md §5.2; Welch, "A technique for high-performance
/// data compression", 1984.
package struct LZWDecoder {
    static let clear = 256
    static let end = 257
    static let widthMin = 9
    static let widthMax = 12
    static let codesMax = 1 << widthMax

    /// Where the string of each code from 258 on begins in the output, and its octets.
    private var starts = [Int32](repeating: 0, count: codesMax)
    private var lengths = [Int32](repeating: 0, count: codesMax)

    package init() {}

    /// What `packed` was made from, up to its end code; what follows that is not looked at.
    ///
    /// `octetsMax`: the most octets to return, at most 2^31 - 1.
    /// Memory is taken as octets come out, and at first for four times the packed ones.
    /// Throws: `LZWFault`.
    package mutating func decode(
        _ packed: Span<UInt8>,
        octetsMax: Int
    ) throws(LZWFault) -> [UInt8] {
        precondition(octetsMax >= 0 && octetsMax <= Int32.max, "a limit of \(octetsMax)")
        var output: [UInt8] = []
        output.reserveCapacity(min(4 * packed.count, octetsMax))
        var bits: UInt32 = 0
        var bitCount = 0
        var at = 0
        var width = Self.widthMin
        var high = Self.end
        // Where the last code's string stands; none after a clear code, or with a full dictionary.
        var last: (start: Int, count: Int)?
        while true {
            while bitCount < width {
                guard at < packed.count else { throw .truncated }
                bits |= UInt32(packed[at]) << UInt32(bitCount)
                bitCount += 8
                at += 1
            }
            let code = Int(bits & (1 << UInt32(width) - 1))
            bits >>= UInt32(width)
            bitCount -= width
            if code == Self.clear {
                (width, high, last) = (Self.widthMin, Self.end, nil)
                continue
            }
            if code == Self.end { return output }
            guard code <= high else { throw .code(code, max: high) }
            if let last {
                // The last string and the first octet of this one, which follows it.
                starts[high] = Int32(last.start)
                lengths[high] = Int32(last.count + 1)
            }
            let count = code < Self.clear ? 1 : Int(lengths[code])
            let start = output.count
            guard start + count <= octetsMax else { throw .tooLong(limit: octetsMax) }
            if code < Self.clear {
                output.append(UInt8(code))
            } else {
                let from = Int(starts[code])
                // Octet by octet: the string of the newest code ends with its own first octet.
                for index in from..<from + count { output.append(output[index]) }
            }
            last = (start, count)
            high += 1
            if high >= 1 << width {
                if width == Self.widthMax {
                    last = nil
                    high -= 1
                } else {
                    width += 1
                }
            }
        }
    }
}

/// Why compressed octets cannot be read.
package enum LZWFault: Error, Hashable, Sendable {
    /// The octets end before the end code.
    case truncated
    /// A code that nothing has defined; the dictionary goes up to `max`.
    case code(Int, max: Int)
    /// More comes out than a reader takes.
    case tooLong(limit: Int)
}
