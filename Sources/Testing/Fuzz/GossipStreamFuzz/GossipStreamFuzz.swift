import FuzzInput
import Gossip
import GossipWire

/// A peer's octets over a stream: the first octet says who we are, whether the ring has keys, and in
/// what pieces the others come.
///
/// The pieces may change nothing.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzStream(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let all = unsafe input(start, count)
    guard let choice = all.first, all.count <= 65_536 else { return 0 }
    let octets = Array(all.dropFirst())
    let role: StreamRole = choice & 1 == 0 ? .accepting : .initiating
    let rules = RingRules(
        label: choice & 2 == 0 ? .none : (try? RingLabel([0x64, 0x63])) ?? .none,
        encryption: [.none, .optional, .required, .required][Int(choice >> 2 & 3)]
    )
    let step = [1, 2, 3, 5, 8, 13, 100, 1000][Int(choice >> 4 & 7)]
    let whole = outcome(octets, role, rules, step: octets.count + 1)
    let pieces = outcome(octets, role, rules, step: step)
    invariant(whole == pieces, "\(whole) at once, \(pieces) in pieces of \(step)")
    if case .message(let message) = whole { judge(message, role, octets.count) }
    return 0
}

private enum Outcome: Equatable {
    case message(StreamMessage)
    case nothing
    case fault(StreamFault)
}

private let limits: StreamLimits = {
    var limits = StreamLimits()
    limits.inflatedOctetsFree = 1 << 18
    limits.membersMax = 4096
    return limits
}()

private func outcome(
    _ octets: [UInt8],
    _ role: StreamRole,
    _ rules: RingRules,
    step: Int
) -> Outcome {
    var decoder = StreamDecoder(role: role, rules: rules, limits: limits)
    var at = 0
    do throws(StreamFault) {
        while at < octets.count {
            let piece = Array(octets[at..<min(at + step, octets.count)])
            let message = try decoder.feed(piece.span) { frame in opened(frame) }
            if let message { return .message(message) }
            at += step
        }
        try decoder.end()
        return .nothing
    } catch {
        return .fault(error)
    }
}

/// No cipher: the fuzzer shall see what is inside.
private func opened(_ frame: borrowing SealedFrame) -> [UInt8]? {
    let box = frame.box
    return (0..<box.count - SealedFrame.tagOctets).map { box[$0] }
}

private func judge(_ message: StreamMessage, _ role: StreamRole, _ count: Int) {
    if case .exchange(let exchange) = message {
        invariant(exchange.members.count <= limits.membersMax, "no more lines than there may be")
        if let state = try? SerfState(exchange.userState.span) {
            let written = state.octets
            invariant((try? SerfState(written.span)) == state, "serf's state")
        }
    }
    let sender: StreamRole = role == .accepting ? .initiating : .accepting
    for from in [nil, 0] {
        let octets = StreamFrame(role: sender, compressedFrom: from).octets(message)
        switch outcome(octets, role, RingRules(), step: 4096) {
        case .message(let again):
            invariant(again.octets == message.octets, "\(message) and then \(again)")
        // Written out, a message may be longer than it came: a missing field has its name then.
        case .fault(.message(.body(_, .length))): break
        case let other: fatalError("\(message) and then \(other)")
        }
    }
}
