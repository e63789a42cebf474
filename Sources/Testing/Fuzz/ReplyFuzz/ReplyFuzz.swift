import Base
import DNSWire
import FuzzInput
import NameServer
import Names

/// One reply from an upstream: walked, and passed on to clients of every kind if it is accepted.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzReply(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let reply = unsafe input(start, count)
    guard let walked = try? ReplyWalker(reply.span) else { return 0 }
    invariant(walked.questionEnd >= MessageSize.header + 5, "a question has five octets")
    invariant(walked.questionEnd <= reply.count, "the question is inside the message")
    if let opt = walked.opt {
        invariant(opt.lowerBound >= walked.questionEnd, "OPT follows the question")
        invariant(opt.upperBound <= reply.count, "OPT is inside the message")
        invariant(opt.count >= MessageSize.opt, "OPT is whole")
    }
    for options in clients { forward(reply, walked, options) }
    return 0
}

/// The additional sections of clients without EDNS, with the least of it, with all of it.
private let clients: [[UInt8]] = [
    [],
    [0, 0, 41, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 41, 0xff, 0xff, 0, 0, 0x80, 0, 0, 0],
]

private func forward(_ reply: [UInt8], _ walked: ReplyWalker, _ additional: [UInt8]) {
    let asked = reply[MessageSize.header..<walked.questionEnd]
    let counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, additional.isEmpty ? 0 : 1]
    let query = [0xab, 0xcd, 1, 0x10] + counts + asked + additional
    guard let view = try? QueryView(query.span) else {
        fatalError("the question of an accepted reply can be asked")
    }
    let kept = UpstreamReply(reply.span, walked)
    for (transport, limit) in [
        (Transport.datagram, min(view.edns?.datagramMax ?? 512, MessageSize.datagramMax)),
        (.stream, MessageSize.streamMax),
    ] {
        let question = ForwardQuestion(
            view,
            over: transport,
            group: UpstreamGroup(id: 1, upstreams: []),
            profile: .waggle
        )
        for age in [ForwardedReply.Age.fresh, .init(seconds: 9, isStale: true)] {
            let passed = ForwardedReply.octets(kept, age, for: question)
            invariant(passed.count <= limit, "\(passed.count) octets where \(limit) are taken")
            judge(passed, kept, view)
        }
        let failure = ForwardedReply.failure(ExtendedError(.noReachableAuthority), for: question)
        judge(failure, nil, view)
    }
}

private func judge(_ passed: [UInt8], _ kept: UpstreamReply?, _ query: borrowing QueryView) {
    guard let again = try? ReplyWalker(passed.span) else {
        fatalError("what is passed on is well formed: \(passed)")
    }
    invariant(again.id == 0xabcd, "the client's id")
    invariant(again.questionEnd == query.questionEnd, "the client's question")
    for index in MessageSize.header..<query.questionEnd {
        invariant(passed[index] == query.bytes[index], "the client's letters")
    }
    invariant((again.opt != nil) == (query.edns != nil), "OPT for who sent one")
    invariant(!again.flags.contains([.authoritative]), "never authoritative")
    guard let kept else { return }
    invariant(again.responseCode == kept.code & 15, "the upstream's code: \(kept.code)")
    invariant(again.answerCount <= Int(kept.answerCount), "no answer but the upstream's")
    if again.flags.contains(.truncated) { return }
    invariant(again.answerCount == Int(kept.answerCount), "every answer")
}
