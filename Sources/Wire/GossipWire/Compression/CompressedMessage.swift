import Gossip

/// The wrapper of a compressed message: `Algo` and `Buf`.
///
/// Source: gossip-wire.md §5.2.
enum CompressedMessage {
    /// Octets around the compressed ones: type, map, names, algorithm and the head of the string.
    static func overhead(packed: Int) -> Int {
        12 + (packed < 32 ? 1 : packed < 65_536 ? 3 : 5)
    }

    static let overheadMin = overhead(packed: 0)

    static func write(packed: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [MessageType.compressed.rawValue]
        out.reserveCapacity(overhead(packed: packed.count) + packed.count)
        out.append(map: 2)
        out.append(.algorithm)
        out.append(0)
        out.append(.buffer)
        out.append(raw: packed)
        return out
    }

    /// What was compressed into the map that `body` begins with.
    ///
    /// `octetsMax`: the most octets that may come out.
    /// Throws: `MessageFault` for another algorithm, broken octets, too many of them, or none.
    static func read(
        body: Span<UInt8>,
        octetsMax: Int,
        with decoder: inout LZWDecoder
    ) throws(MessageFault) -> [UInt8] {
        var algorithm: UInt8 = 0
        var packed = 0..<0
        do throws(MsgpackFault) {
            var reader = MsgpackReader(body)
            for _ in 0..<(try reader.map()) {
                switch try reader.field() {
                case .algorithm: algorithm = try reader.integer()
                case .buffer: packed = try reader.octetRange()
                default: try reader.skip()
                }
            }
        } catch {
            throw .body(.compressed, error)
        }
        guard algorithm == 0 else { throw .algorithm(algorithm) }
        let plain: [UInt8]
        do throws(LZWFault) {
            plain = try decoder.decode(body.extracting(packed), octetsMax: octetsMax)
        } catch {
            throw .lzw(error)
        }
        guard !plain.isEmpty else { throw .compressedNothing }
        return plain
    }
}
