import Gossip
import GossipWire

/// What a reader makes of a datagram, kept.
struct Reading {
    var messages: [GossipMessage] = []
    var octets: [[UInt8]] = []
    var report = PacketReport()

    init(
        _ datagram: [UInt8],
        rules: RingRules = RingRules(),
        cipher: Cipher? = nil
    ) {
        var reader = PacketReader(rules)
        report = reader.read(datagram.span) { frame in
            cipher?.open(frame)
        } each: { message, span in
            messages.append(message)
            octets.append(span.indices.map { span[$0] })
        }
    }
}

/// Feeds a stream's octets in pieces of `step`; the first message that comes of it.
func streamed(
    _ octets: [UInt8],
    as role: StreamRole,
    step: Int = .max,
    rules: RingRules = RingRules(),
    limits: StreamLimits = StreamLimits(),
    cipher: Cipher? = nil
) throws(StreamFault) -> StreamMessage? {
    var decoder = StreamDecoder(role: role, rules: rules, limits: limits)
    var at = 0
    while at < octets.count {
        let end = min(octets.count, at + min(step, octets.count))
        let piece = Array(octets[at..<end])
        let message = try decoder.feed(piece.span) { frame in cipher?.open(frame) }
        if let message { return message }
        at = end
    }
    try decoder.end()
    return nil
}

func label(_ text: String) throws -> RingLabel { try RingLabel(Array(text.utf8)) }
