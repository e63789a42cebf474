package import Base
package import DNSWire
package import Names

/// How a question reached us.
package enum Transport: Sendable {
    case datagram
    case stream
}

/// Turns one query into one reply: parse, decide, write.
///
/// Owned by one worker; every answer from the tables is written without an allocation.
package struct Responder: ~Copyable {
    /// Takes a question that is not ours: answers it from what is kept, or sees to it that an
    /// upstream is asked.
    package typealias Forward = (
        borrowing QueryView,
        borrowing NameKey,
        UpstreamGroup,
        inout OutputSpan<UInt8>
    ) -> Outcome

    package enum Outcome {
        /// The reply is written.
        case replied
        /// The same, from a reply that is kept.
        case kept
        /// Nothing is written and nothing shall be sent.
        case dropped
        /// The question has been handed to whoever asks upstreams.
        case forwarded
    }

    let counters: WorkerCounters
    private var key: NameKey
    var watch: QuestionWatch
    var dice: SeededGenerator
    /// Room for the order in which the records of one answer are written.
    var order: [UInt16]

    /// Records of one set that are shuffled together; a longer set starts at a random place.
    static let shuffledMax = 4096
    /// Steps along local aliases (RFC 1034 §3.6.2 leaves the number open).
    static let aliasesMax = 8

    /// Makes a responder for one worker.
    ///
    /// `nameSeed` is that of the name tables; `diceSeed` orders the records of answers and is
    /// secret from those who ask.
    package init(counters: WorkerCounters, nameSeed: UInt64, diceSeed: UInt64) {
        self.init(
            counters: counters,
            nameSeed: nameSeed,
            diceSeed: diceSeed,
            watch: QuestionWatch(WatchLimits(), log: nil)
        )
    }

    /// The same, with questions that are looked at more closely.
    init(
        counters: WorkerCounters,
        nameSeed: UInt64,
        diceSeed: UInt64,
        watch: consuming QuestionWatch
    ) {
        self.counters = counters
        self.watch = watch
        key = NameKey(seed: nameSeed)
        dice = SeededGenerator(seed: diceSeed)
        order = [UInt16](repeating: 0, count: Self.shuffledMax)
    }

    /// Answers a query from `client` in the sandbox of `published`, with the names of `tables`.
    package mutating func respond(
        to query: Span<UInt8>,
        from client: SocketEndpoint,
        over transport: Transport,
        as published: PublishedView,
        in tables: NameTables,
        into out: inout OutputSpan<UInt8>,
        forward: Forward
    ) -> Outcome {
        if transport == .datagram, Self.isEchoPort(client.port) {
            counters.add(.droppedSource)
            return .dropped
        }
        do throws(QueryFault) {
            let question = try QueryView(query)
            let outcome = decide(
                question,
                client,
                transport,
                published,
                tables,
                &out,
                forward
            )
            if watch.picks() { look(at: question, client, transport, published, outcome, out) }
            return outcome
        } catch {
            counters.add(error.reason)
            guard let code = error.responseCode else { return .dropped }
            let flags = Self.echoed(query)
            write(
                code,
                flags: flags,
                question: query,
                end: error.questionEnd,
                edns: error.edns,
                error: nil,
                into: &out
            )
            return .replied
        }
    }

    /// Counts a picked question by its name, or logs it; one that is forwarded is logged when its
    /// answer is there.
    private mutating func look(
        at query: borrowing QueryView,
        _ client: SocketEndpoint,
        _ transport: Transport,
        _ published: PublishedView,
        _ outcome: Outcome,
        _ out: borrowing OutputSpan<UInt8>
    ) {
        if watch.wantsName {
            key.load(query.labels)
            watch.names.note(key)
        }
        guard watch.wantsLog, let log = watch.log else { return }
        switch outcome {
        case .dropped: return
        case .forwarded: watch.markForwarded()
        case .replied, .kept:
            let isWritten = log.write(
                sandbox: published.view.sandbox,
                client: client,
                labels: query.labels,
                type: query.type,
                code: out.span[3] & 15,
                isStream: transport == .stream,
                source: outcome == .kept ? .cache : .local,
                microseconds: nil
            )
            counters.add(isWritten ? .queriesLogged : .queryLogDropped)
        }
    }

    /// Replying to these would start an endless exchange between two servers (dns.md M17).
    private static func isEchoPort(_ port: UInt16) -> Bool {
        port == 0 || port == 7 || port == 19 || port == 53
    }

    /// The bits of a query that any reply repeats.
    private static func echoed(_ query: Span<UInt8>) -> UInt16 {
        query.uint16(at: 2) & (HeaderFlags.opcodeBits | HeaderFlags.echoedBits)
            | HeaderFlags.response.rawValue
    }

    private mutating func decide(
        _ query: borrowing QueryView,
        _ client: SocketEndpoint,
        _ transport: Transport,
        _ published: PublishedView,
        _ tables: NameTables,
        _ out: inout OutputSpan<UInt8>,
        _ forward: Forward
    ) -> Outcome {
        let view = published.view
        guard view.admits(client.address, tables) else {
            return refuse(query, .refused, .prohibited, view, &out)
        }
        guard query.questionClass == 1 else {
            return refuse(query, .refused, .notSupported, view, &out)
        }
        if query.type.isMeta, let refusal = Self.refusal(of: query.type) {
            return refuse(query, refusal.code, refusal.error, view, &out)
        }
        key.load(query.labels)
        let verdict = view.verdict(key, type: query.type, in: tables)
        var reply = Reply(query, transport, published)
        switch verdict {
        case .answer(let handle):
            answer(handle, query, published, tables, &reply, &out)
        case .noData(let authority):
            deny(.noError, authority, query, published, tables, &reply, &out)
        case .nxDomain(let absence):
            deny(.nxDomain, absence.authority, query, published, tables, &reply, &out)
        case .alias(let handle, let target):
            follow(handle, target, query, published, tables, &reply, &out)
        case .synthetic(let synthetic):
            synthesise(synthetic, query, published, &reply, &out)
        case .refuse(.internalSandbox) where view.profile == .docker:
            return refuse(query, .servFail, nil, view, &out)
        case .refuse(.internalSandbox):
            return refuse(query, .refused, .blocked, view, &out)
        case .refuse(.transfer):
            return refuse(query, .refused, .prohibited, view, &out)
        case .refuse(.obsoleteType):
            return refuse(query, .notImp, nil, view, &out)
        case .forward(let group):
            return pass(query, to: group, view, &out, forward)
        }
        counters.add(.localAnswers)
        return .replied
    }

    /// What is said to types that no search is made for.
    private static func refusal(
        of type: RecordType
    ) -> (code: ResponseCode, error: ExtendedError.Code?)? {
        switch type {
        case RecordType(0), .opt, .tsig: (.formErr, nil)
        case .tkey: (.notImp, nil)
        case .axfr, .ixfr: (.refused, .prohibited)
        default: nil
        }
    }

    private mutating func pass(
        _ query: borrowing QueryView,
        to group: UpstreamGroup,
        _ view: View,
        _ out: inout OutputSpan<UInt8>,
        _ forward: Forward
    ) -> Outcome {
        guard query.flags.contains(.recursionDesired) || view.profile == .docker else {
            return refuse(query, .refused, .notAuthoritative, view, &out)
        }
        guard !group.upstreams.isEmpty else {
            return refuse(query, .servFail, .noReachableAuthority, view, &out)
        }
        return forward(query, key, group, &out)
    }

    private mutating func refuse(
        _ query: borrowing QueryView,
        _ code: ResponseCode,
        _ error: ExtendedError.Code?,
        _ view: View,
        _ out: inout OutputSpan<UInt8>
    ) -> Outcome {
        var flags = Self.echoed(query.bytes)
        if !view.isInternal, view.profile == .waggle {
            flags |= HeaderFlags.recursionAvailable.rawValue
        }
        write(
            code,
            flags: flags,
            question: query.bytes,
            end: query.questionEnd,
            edns: view.profile == .docker ? nil : query.edns,
            error: error.map { ExtendedError($0) },
            into: &out
        )
        return .replied
    }

    /// A reply without records: header, the question when it can be echoed, OPT when one was sent.
    private func write(
        _ code: ResponseCode,
        flags: UInt16,
        question: Span<UInt8>,
        end: Int,
        edns: EDNS?,
        error: ExtendedError?,
        into out: inout OutputSpan<UInt8>
    ) {
        ReplyWriter.header(
            &out,
            id: question.uint16(at: 0),
            flags: flags | UInt16(code.rawValue & 15),
            questions: end > MessageSize.header ? 1 : 0,
            answers: 0,
            authorities: 0,
            additionals: edns == nil ? 0 : 1
        )
        out.append(question, MessageSize.header..<end)
        if let edns { ReplyWriter.opt(&out, code: code, dnssecOK: edns.dnssecOK, error: error) }
        counters.add(code)
    }
}

/// What is fixed about a reply before its records are chosen.
struct Reply {
    /// Octets the client takes.
    let limit: Int
    let opt: Bool
    let dnssecOK: Bool
    /// Tenths of a second, in reply to a client that asked over a connection (RFC 7828).
    let keepalive: UInt16?
    var flags: UInt16

    init(_ query: borrowing QueryView, _ transport: Transport, _ published: PublishedView) {
        let edns = query.edns
        switch transport {
        case .stream:
            limit = MessageSize.streamMax
            keepalive =
                edns?.asksKeepalive == true ? StreamLimits.idleMilliseconds.keepaliveUnits : nil
        case .datagram:
            limit = min(edns?.datagramMax ?? MessageSize.datagramDefault, published.datagramMax)
            keepalive = nil
        }
        opt = edns != nil && published.isModern
        dnssecOK = edns?.dnssecOK ?? false
        flags = published.replyBits | query.flags.rawValue & HeaderFlags.echoedBits
    }

    var optOctets: Int { opt ? ReplyWriter.optOctets(error: nil, keepalive: keepalive) : 0 }
}

/// Room of one reply buffer.
let datagramOctetsMax = 4096

extension UInt64 {
    /// Milliseconds as the tenths of a second of RFC 7828.
    fileprivate var keepaliveUnits: UInt16 { UInt16(clamping: self / 100) }
}
