import Base
import DNSWire
import FuzzInput
import NameServer
import Names
import Synchronization

/// One query from outside, through all of a worker's answering: read, decided, written.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzQuery(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let query = unsafe input(start, count)
    checkView(query)
    let client = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 40_000)
    bench.withLock { bench in
        for index in bench.places.indices {
            let place = bench.places[index]
            for transport in [Transport.datagram, .stream] {
                // What a worker lends: the datagram buffers, or the longest stream message.
                let room = transport == .stream ? MessageSize.streamMax : 4096
                var outcome = Responder.Outcome.dropped
                var forwarded: [UInt8] = []
                let reply = [UInt8](capacity: room) { out in
                    outcome = bench.responder.respond(
                        to: query.span,
                        from: client,
                        over: transport,
                        as: place.view,
                        in: place.tables,
                        into: &out
                    ) { query, _, group, _ in
                        forwarded =
                            ForwardQuestion(
                                query,
                                over: transport,
                                group: group,
                                profile: place.profile
                            ).question
                        return .forwarded
                    }
                }
                Exchange(query: query, reply: reply, transport: transport, profile: place.profile)
                    .judge(outcome, forwarded: forwarded)
            }
        }
    }
    return 0
}

private let bench = Mutex(Bench())

/// A question that was read can be asked again, and is read the same.
private func checkView(_ octets: [UInt8]) {
    guard let view = try? QueryView(octets.span) else { return }
    var labels: [UInt8] = []
    for index in view.labels.indices { labels.append(view.labels[index]) }
    invariant((try? DomainName(wire: labels)) != nil, "labels are well framed: \(labels)")
    let written = QueryWriter.query(id: view.id, labels: labels, type: view.type)
    guard let again = try? QueryView(written.span) else {
        fatalError("our own query is read: \(written)")
    }
    invariant(again.nameEnd == view.nameEnd && again.type == view.type, "\(written)")
}

/// One query and what came of it.
private struct Exchange {
    let query: [UInt8]
    let reply: [UInt8]
    let transport: Transport
    let profile: NamePolicy.Profile

    func judge(_ outcome: Responder.Outcome, forwarded: [UInt8]) {
        switch outcome {
        case .dropped:
            invariant(reply.isEmpty, "a dropped query leaves no octets")
        case .forwarded:
            invariant(reply.isEmpty, "a forwarded query leaves no octets")
            let asked = query[MessageSize.header..<MessageSize.header + forwarded.count]
            invariant(forwarded.elementsEqual(asked), "the question is the client's")
        case .replied, .kept:
            judgeHeader()
            judgeSize()
            judgeBody()
        }
    }

    private var code: UInt8 { reply[3] & 15 }

    private func judgeHeader() {
        invariant(reply.count >= MessageSize.header, "a reply has a header")
        invariant(reply[..<2] == query[..<2], "the id is the client's")
        invariant(reply[2] & 0xf8 == query[2] & 0x78 | 0x80, "QR, and the client's opcode")
        invariant(reply[2] & 1 == query[2] & 1, "RD is repeated")
        invariant(reply[3] & 0x60 == 0, "neither Z nor AD")
    }

    /// No amplification: dns.md §1.2.
    private func judgeSize() {
        var asked = MessageSize.datagramDefault
        if let view = try? QueryView(query.span), let edns = view.edns { asked = edns.datagramMax }
        let negotiated = min(asked, profile == .docker ? 4096 : MessageSize.datagramMax)
        let limit = transport == .stream ? MessageSize.streamMax : negotiated
        invariant(reply.count <= max(query.count, limit), "\(reply.count) over \(limit)")
        if [1, 4, 5, 9].contains(code) {
            invariant(reply.count <= query.count + 11, "a small error: \(reply.count)")
        }
    }

    private func judgeBody() {
        if reply[4] == 0, reply[5] == 0 {
            invariant(reply[6..<10].allSatisfy { $0 == 0 }, "no records without a question")
            let size = MessageSize.header + (reply[11] == 0 ? 0 : MessageSize.opt)
            invariant(reply.count == size && reply[10] == 0, "a header and at most OPT")
            return
        }
        guard let walked = try? ReplyWalker(reply.span) else {
            fatalError("our reply is well formed: \(reply)")
        }
        let question = MessageSize.header..<walked.questionEnd
        invariant(reply[question] == query[question], "the question in the client's letters")
        if code != 0, code != 3 {
            invariant(walked.answerCount + walked.authorityCount == 0, "an error is bare")
        }
    }
}
