import FuzzInput
import Gossip
import GossipWire

/// One datagram of a peer: read by rings of every kind, its messages written and packed again.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzPacket(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let datagram = unsafe input(start, count)
    if datagram.count > 65_535 { return 0 }
    for ring in rings {
        var reader = PacketReader(ring)
        var messages: [GossipMessage] = []
        var octets: [[UInt8]] = []
        let report = reader.read(datagram.span) { frame in
            opened(frame)
        } each: { message, span in
            messages.append(message)
            octets.append(span.indices.map { span[$0] })
        }
        let held = octets.reduce(0) { $0 + $1.count }
        invariant(
            held <= datagram.count + PacketReader.inflatedOctetsMax,
            "\(held) octets of \(datagram.count)"
        )
        invariant(report.messages == messages.count, "every message is counted")
        invariant(
            (report.refused == 0) == (report.firstFault == nil),
            "what is refused has a fault"
        )
        for message in messages { judge(message) }
        repack(octets)
    }
    return 0
}

private let rings = [
    RingRules(),
    RingRules(encryption: .required),
    RingRules(label: (try? RingLabel([0x64, 0x63])) ?? .none, encryption: .optional),
]

/// No cipher: the fuzzer shall see what is inside.
private func opened(_ frame: borrowing SealedFrame) -> [UInt8]? {
    let box = frame.box
    return (0..<box.count - SealedFrame.tagOctets).map { box[$0] }
}

private func judge(_ message: GossipMessage) {
    let octets = message.octets
    guard let again = try? GossipMessage(octets.span) else {
        fatalError("what is written is read: \(message)")
    }
    invariant(again.octets == octets, "what is written is written the same: \(message)")
    switch message {
    case .user(let octets): judge(serf: octets)
    case .ack(let ack):
        guard let coordinate = try? SerfCoordinate(ackPayload: ack.payload.span) else { return }
        let octets = coordinate.ackPayload
        let again = try? SerfCoordinate(ackPayload: octets.span)
        // Not by value: no NaN is itself.
        invariant(again?.ackPayload == octets, "a coordinate")
    case .alive(let alive):
        _ = alive.address.address
        guard let tags = try? SerfTags(meta: alive.meta.span) else { return }
        let meta = tags.meta
        invariant((try? SerfTags(meta: meta.span)) == tags, "tags")
    default: return
    }
}

private func judge(serf octets: [UInt8]) {
    if let message = try? SerfMessage(octets.span) {
        let written = message.octets
        guard let again = try? SerfMessage(written.span) else {
            // Written out, a query may be longer than it came: a missing field has its name then.
            guard case .query = message else { fatalError("serf's \(message)") }
            return
        }
        invariant(again.octets == written, "serf's \(message)")
        if case .query(let query) = message {
            for filter in query.filters { judge(filter: filter) }
        }
        if case .queryResponse(let response) = message { judge(payload: response.payload) }
        if case .relay(let relay) = message { _ = try? SerfMessage(relay.inner.span) }
    }
    if let state = try? SerfState(octets.span) {
        let written = state.octets
        invariant((try? SerfState(written.span)) == state, "serf's state")
    }
    judge(payload: octets)
}

private func judge(filter octets: [UInt8]) {
    guard let filter = try? SerfFilter(octets) else { return }
    invariant((try? SerfFilter(filter.octets)) == filter, "a filter")
}

private func judge(payload octets: [UInt8]) {
    if let member = try? SerfMember.read(conflictAnswer: octets.span) {
        let written = SerfMember.conflictAnswer(member)
        guard let again = try? SerfMember.read(conflictAnswer: written.span) else {
            fatalError("what is written is read: \(String(describing: member))")
        }
        invariant(SerfMember.conflictAnswer(again) == written, "a member")
    }
    if let answer = try? SerfKeyAnswer(octets.span) {
        let written = answer.octets
        invariant((try? SerfKeyAnswer(written.span)) == answer, "an answer about keys")
    }
    _ = try? SerfKeyAnswer.key(request: octets.span)
}

private func repack(_ messages: [[UInt8]]) {
    var writer = PacketWriter()
    for from in [nil, 0] {
        let frame = DatagramFrame(hasChecksum: from == nil, compressedFrom: from)
        let packed = writer.pack([], candidates: messages, in: frame)
        if packed.taken == 0 { continue }
        let datagram = frame.datagram(packed.octets)
        invariant(datagram.count <= frame.octetsMax, "\(datagram.count) octets")
        var reader = PacketReader(RingRules())
        var index = 0
        let report = reader.read(datagram.span) { _, span in
            invariant(messages[index] == span.indices.map { span[$0] }, "in order, as it was")
            index += 1
        }
        invariant(report.messages == packed.taken && report.refused == 0, "all that were packed")
    }
}
