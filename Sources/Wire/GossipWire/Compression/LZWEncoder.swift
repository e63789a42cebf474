/// Compresses as Go's `compress/lzw` does, octet for octet.
///
/// A value is scratch: it holds the dictionary's memory between messages and nothing else.
/// Source: gossip-wire.md §5.2.
package struct LZWEncoder {
    /// Open addressing over (code before << 8 | octet) << 12 | code; 0 is a free slot.
    private var slots = [UInt32](repeating: 0, count: slotCount)
    private static let slotCount = 1 << 14
    private static let slotMask = slotCount - 1

    package init() {}

    /// `plain` compressed; nil as soon as it takes more than `octetsMax` octets.
    package mutating func encode(_ plain: Span<UInt8>, octetsMax: Int = .max) -> [UInt8]? {
        var out = BitWriter()
        out.octets.reserveCapacity(min(octetsMax, plain.count + plain.count / 2 + 4))
        out.append(LZWDecoder.clear)
        guard !plain.isEmpty else {
            out.append(LZWDecoder.end)
            return out.finished(octetsMax)
        }
        forget()
        var high = LZWDecoder.end
        var code = Int(plain[0])
        for index in 1..<plain.count {
            let octet = plain[index]
            let key = UInt32(code) << 8 | UInt32(octet)
            let slot = find(key)
            if slots[slot] != 0 {
                code = Int(slots[slot] & 0xfff)
                continue
            }
            out.append(code)
            code = Int(octet)
            if bump(&high, &out) { slots[slot] = key << 12 | UInt32(high) }
            if out.octets.count > octetsMax { return nil }
        }
        out.append(code)
        _ = bump(&high, &out)
        out.append(LZWDecoder.end)
        return out.finished(octetsMax)
    }

    /// Makes room for one more code; false when the dictionary was full and is empty now.
    private mutating func bump(_ high: inout Int, _ out: inout BitWriter) -> Bool {
        high += 1
        if high == 1 << out.width { out.width += 1 }
        guard high == LZWDecoder.codesMax - 1 else { return true }
        out.append(LZWDecoder.clear)
        out.width = LZWDecoder.widthMin
        high = LZWDecoder.end
        forget()
        return false
    }

    private mutating func forget() {
        for index in slots.indices { slots[index] = 0 }
    }

    /// The slot that holds `key`, or the free one where it belongs.
    private func find(_ key: UInt32) -> Int {
        var slot = Int((key >> 12 ^ key) & UInt32(Self.slotMask))
        while slots[slot] != 0, slots[slot] >> 12 != key {
            slot = (slot + 1) & Self.slotMask
        }
        return slot
    }

    /// Codes as octets, least significant bit first.
    private struct BitWriter {
        var octets: [UInt8] = []
        var width = LZWDecoder.widthMin
        private var bits: UInt32 = 0
        private var bitCount = 0

        mutating func append(_ code: Int) {
            bits |= UInt32(code) << UInt32(bitCount)
            bitCount += width
            while bitCount >= 8 {
                octets.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                bitCount -= 8
            }
        }

        /// The octets with the last one filled up; nil when they are more than `octetsMax`.
        mutating func finished(_ octetsMax: Int) -> [UInt8]? {
            if bitCount > 0 { octets.append(UInt8(truncatingIfNeeded: bits)) }
            bitCount = 0
            return octets.count <= octetsMax ? octets : nil
        }
    }
}
