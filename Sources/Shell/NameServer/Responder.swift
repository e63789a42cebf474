import Base
import DNSWire
import Names

/// How a question reached us.
enum Transport: Sendable {
    case datagram
    case stream
}

/// A question that somebody upstream has to answer, kept until the reply is there.
struct ForwardQuestion: Sendable {
    let id: UInt16
    let flags: HeaderFlags
    /// The question section as the client sent it.
    let question: [UInt8]
    let type: RecordType
    let edns: EDNS?
    let upstreams: [SocketEndpoint]
    let profile: NamePolicy.Profile

    /// The name as the client sent it, without its root octet.
    var labels: ArraySlice<UInt8> { question.dropLast(5) }
}

/// Turns one query into one reply: parse, decide, write. Owned by one worker; every answer from
/// the tables is written without an allocation.
struct Responder: ~Copyable {
    enum Outcome {
        /// The reply is written.
        case replied
        /// Nothing is written and nothing shall be sent.
        case dropped
        case forward(ForwardQuestion)
    }

    let counters: WorkerCounters
    private var key: NameKey
    private var dice: SeededGenerator
    /// Room for the order in which the records of one answer are written.
    private var order: [UInt16]

    /// Records of one set that are shuffled together; a longer set starts at a random place.
    private static let shuffledMax = 4096
    /// Steps along local aliases (RFC 1034 §3.6.2 leaves the number open).
    private static let aliasesMax = 8

    /// - Parameters:
    ///   - nameSeed: that of the name tables.
    ///   - diceSeed: orders the records of answers; secret from those who ask.
    init(counters: WorkerCounters, nameSeed: UInt64, diceSeed: UInt64) {
        self.counters = counters
        key = NameKey(seed: nameSeed)
        dice = SeededGenerator(seed: diceSeed)
        order = [UInt16](repeating: 0, count: Self.shuffledMax)
    }

    /// Answers a query from `client` in the sandbox of `published`.
    mutating func respond(
        to query: Span<UInt8>, from client: SocketEndpoint, over transport: Transport,
        as published: PublishedView, into out: inout OutputSpan<UInt8>
    ) -> Outcome {
        if transport == .datagram, Self.isEchoPort(client.port) {
            counters.add(.droppedSource)
            return .dropped
        }
        do throws(QueryFault) {
            let question = try QueryView(query)
            return decide(question, client, transport, published, &out)
        } catch {
            counters.add(error.reason)
            guard let code = error.responseCode else { return .dropped }
            let flags = Self.echoed(query)
            write(
                code, flags: flags, question: query, end: error.questionEnd, edns: error.edns,
                error: nil, into: &out)
            return .replied
        }
    }

    /// Replying to these would start an endless exchange between two servers (dns.md M17).
    private static func isEchoPort(_ port: UInt16) -> Bool {
        port == 0 || port == 7 || port == 19 || port == 53
    }

    /// The bits of a query that any reply repeats.
    private static func echoed(_ query: Span<UInt8>) -> UInt16 {
        let bits = UInt16(query[2]) << 8 | UInt16(query[3])
        return bits & 0x7910 | HeaderFlags.response.rawValue
    }

    private mutating func decide(
        _ query: borrowing QueryView, _ client: SocketEndpoint, _ transport: Transport,
        _ published: PublishedView, _ out: inout OutputSpan<UInt8>
    ) -> Outcome {
        let view = published.view
        guard view.admits(client.address) else {
            return refuse(query, .refused, .prohibited, view, &out)
        }
        guard query.questionClass == 1 else {
            return refuse(query, .refused, .notSupported, view, &out)
        }
        switch query.type {
        case RecordType(0), .opt, .tsig: return refuse(query, .formErr, nil, view, &out)
        case .tkey: return refuse(query, .notImp, nil, view, &out)
        case .axfr, .ixfr: return refuse(query, .refused, .prohibited, view, &out)
        default: break
        }
        key.load(query.labels)
        var trace = NoTrace()
        let verdict = view.verdict(key, type: query.type, trace: &trace)
        var reply = Reply(query, transport, view)
        switch verdict {
        case .answer(let handle):
            answer(handle, query, published, &reply, &out)
        case .noData(let authority):
            deny(.noError, authority, query, published, &reply, &out)
        case .nxDomain(let absence):
            deny(.nxDomain, absence.authority, query, published, &reply, &out)
        case .alias(let handle, let target):
            follow(handle, target, query, published, &reply, &out)
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
        case .forward:
            return forward(query, view, &out)
        }
        counters.add(.localAnswers)
        return .replied
    }

    private mutating func forward(
        _ query: borrowing QueryView, _ view: View, _ out: inout OutputSpan<UInt8>
    ) -> Outcome {
        guard query.flags.contains(.recursionDesired) || view.profile == .docker else {
            return refuse(query, .refused, .notAuthoritative, view, &out)
        }
        guard !view.upstreams.isEmpty else {
            return refuse(query, .servFail, .noReachableAuthority, view, &out)
        }
        var question: [UInt8] = []
        question.reserveCapacity(query.questionEnd - MessageSize.header)
        for index in MessageSize.header..<query.questionEnd { question.append(query.bytes[index]) }
        counters.add(.forwarded)
        return .forward(
            ForwardQuestion(
                id: query.id, flags: query.flags, question: question, type: query.type,
                edns: query.edns, upstreams: view.upstreams, profile: view.profile))
    }

    private mutating func refuse(
        _ query: borrowing QueryView, _ code: ResponseCode, _ error: ExtendedError.Code?,
        _ view: View, _ out: inout OutputSpan<UInt8>
    ) -> Outcome {
        var flags = Self.echoed(query.bytes)
        if !view.isInternal, view.profile == .waggle {
            flags |= HeaderFlags.recursionAvailable.rawValue
        }
        write(
            code, flags: flags, question: query.bytes, end: query.questionEnd,
            edns: view.profile == .docker ? nil : query.edns,
            error: error.map { ExtendedError($0) }, into: &out)
        return .replied
    }

    /// A reply without records: header, the question when it can be echoed, OPT when one was sent.
    private func write(
        _ code: ResponseCode, flags: UInt16, question: Span<UInt8>, end: Int, edns: EDNS?,
        error: ExtendedError?, into out: inout OutputSpan<UInt8>
    ) {
        ReplyWriter.header(
            &out, id: UInt16(question[0]) << 8 | UInt16(question[1]),
            flags: flags | UInt16(code.rawValue & 15), questions: end > MessageSize.header ? 1 : 0,
            answers: 0, authorities: 0, additionals: edns == nil ? 0 : 1)
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

    init(_ query: borrowing QueryView, _ transport: Transport, _ view: View) {
        let docker = view.profile == .docker
        let asked = query.edns?.datagramMax ?? MessageSize.datagramDefault
        switch transport {
        case .stream: limit = MessageSize.streamMax
        // Docker sends what the client takes; our datagram buffers end at 4096.
        case .datagram: limit = min(asked, docker ? datagramOctetsMax : MessageSize.datagramMax)
        }
        opt = query.edns != nil && !docker
        dnssecOK = query.edns?.dnssecOK ?? false
        keepalive =
            transport == .stream && query.edns?.asksKeepalive == true
            ? StreamLimits.idleMilliseconds.keepaliveUnits : nil
        var bits: HeaderFlags = [.response]
        if !docker { bits.insert(.authoritative) }
        if !view.isInternal || docker { bits.insert(.recursionAvailable) }
        flags =
            bits.rawValue
            | query.flags.intersection([.recursionDesired, .checkingDisabled]).rawValue
    }

    var optOctets: Int { opt ? ReplyWriter.optOctets(error: nil, keepalive: keepalive) : 0 }
}

/// Room of one reply buffer.
let datagramOctetsMax = 4096

extension UInt64 {
    /// Milliseconds as the tenths of a second of RFC 7828.
    fileprivate var keepaliveUnits: UInt16 { UInt16(clamping: self / 100) }
}

// MARK: - Records

extension Responder {
    /// An answer from one record set, in uniformly random order, cut where the client's limit is.
    private mutating func answer(
        _ handle: SetHandle, _ query: borrowing QueryView, _ published: PublishedView,
        _ reply: inout Reply, _ out: inout OutputSpan<UInt8>
    ) {
        let table = published[handle.table]
        let set = table.sets[handle.set]
        let room = reply.limit - query.questionEnd - reply.optOctets
        if published.view.profile == .docker {
            // Docker repeats the owner's name as long as the reply fits.
            let longer = set.count * (query.nameEnd + 1 - MessageSize.header - 2)
            if set.end - set.start + longer <= room {
                writeDocker(table, set, query, reply, &out)
                return
            }
        }
        let fitting = choose(set, table, room: room)
        let isCut = fitting.count < set.count
        let glue =
            !isCut && !set.glue.isEmpty && fitting.octets + set.glue.count <= room
            ? set.glueCount : 0
        if isCut {
            reply.flags |= HeaderFlags.truncated.rawValue
            counters.add(.truncated)
        }
        begin(
            query, reply, .noError, answers: fitting.count, authorities: 0, additionals: glue, &out)
        for index in 0..<fitting.count {
            let range = table.record(record(index, of: set), of: set)
            for octet in range { out.append(table.octets[octet]) }
        }
        if glue > 0 {
            for octet in set.glue { out.append(table.octets[octet]) }
        }
        end(reply, .noError, &out)
    }

    /// How many records fit, after a shuffle that decides which.
    private mutating func choose(
        _ set: CompiledTable.CompiledSet, _ table: CompiledTable, room: Int
    ) -> (count: Int, octets: Int) {
        shuffle(set.count)
        if set.stride > 0 {
            let count = min(set.count, room / set.stride)
            return (count, count * set.stride)
        }
        var octets = 0
        for index in 0..<set.count {
            let next = table.record(record(index, of: set), of: set).count
            if octets + next > room { return (index, octets) }
            octets += next
        }
        return (set.count, octets)
    }

    /// Fills `order` with a uniform permutation (Fisher-Yates).
    private mutating func shuffle(_ count: Int) {
        if count == 1 { return }
        let shuffled = min(count, Self.shuffledMax)
        for index in 0..<shuffled { order[index] = UInt16(index) }
        for index in 0..<shuffled - 1 {
            let other = index + Int(dice.below(UInt32(shuffled - index)))
            order.swapAt(index, other)
        }
    }

    /// The record at a place of the shuffled order.
    private func record(_ place: Int, of set: CompiledTable.CompiledSet) -> Int {
        set.count == 1 || place >= Self.shuffledMax ? place : Int(order[place])
    }

    private mutating func writeDocker(
        _ table: CompiledTable, _ set: CompiledTable.CompiledSet, _ query: borrowing QueryView,
        _ reply: Reply, _ out: inout OutputSpan<UInt8>
    ) {
        shuffle(set.count)
        begin(query, reply, .noError, answers: set.count, authorities: 0, additionals: 0, &out)
        for index in 0..<set.count {
            out.append(query.bytes, MessageSize.header..<query.nameEnd + 1)
            // All of the record but the two octets that point at the question.
            for octet in table.record(record(index, of: set), of: set).dropFirst(2) {
                out.append(table.octets[octet])
            }
        }
        end(reply, .noError, &out)
    }

    /// NODATA or NXDOMAIN with the SOA record that says how long it holds (RFC 2308 §2).
    private func deny(
        _ code: ResponseCode, _ authority: Authority, _ query: borrowing QueryView,
        _ published: PublishedView, _ reply: inout Reply, _ out: inout OutputSpan<UInt8>
    ) {
        let table: CompiledTable
        let range: Range<Int>
        switch authority {
        case .network(let index):
            table = published.networks[index]
            range = table.denial
        case .zone(let apex):
            table = published.zone
            range = table.denial(ofZone: apex)
        case .resolver:
            table = published.zone
            range = table.denial
        }
        let hasSOA = published.view.profile == .waggle
        begin(
            query, reply, code, answers: 0, authorities: hasSOA ? 1 : 0, additionals: 0, &out)
        if hasSOA {
            for octet in range { out.append(table.octets[octet]) }
        }
        end(reply, code, &out)
    }

    /// The alias, and what it leads to as far as that is known here.
    private mutating func follow(
        _ handle: SetHandle, _ target: DomainName, _ query: borrowing QueryView,
        _ published: PublishedView, _ reply: inout Reply, _ out: inout OutputSpan<UInt8>
    ) {
        var records: [UInt8] = []
        var count = 0
        // Each alias's target stands in the reply once; what follows points at it.
        var owner = UInt16(0xc00c)
        var step: (handle: SetHandle, target: DomainName)? = (handle, target)
        var code = ResponseCode.noError
        while let alias = step {
            step = nil
            let at = query.questionEnd + records.count
            append(alias.handle, published, owner: owner, to: &records)
            count += 1
            owner = 0xc000 | UInt16(at + 12)
            if count > Self.aliasesMax {
                code = .servFail
                break
            }
            var next = NameKey(seed: published.zone.table.seed)
            next.load(alias.target)
            var trace = NoTrace()
            switch published.view.verdict(next, type: query.type, trace: &trace) {
            case .answer(let found):
                count += append(found, published, owner: owner, to: &records)
            case .alias(let found, let further):
                step = (found, further)
            case .nxDomain:
                code = .nxDomain
            case .noData, .synthetic, .forward, .refuse:
                break
            }
        }
        if code == .servFail {
            reply.flags &= ~HeaderFlags.authoritative.rawValue
            records.removeAll()
            count = 0
        } else if query.questionEnd + records.count + reply.optOctets > reply.limit {
            reply.flags |= HeaderFlags.truncated.rawValue
            counters.add(.truncated)
            records.removeAll()
            count = 0
        }
        begin(query, reply, code, answers: count, authorities: 0, additionals: 0, &out)
        out.append(octets: records)
        end(reply, code, &out)
    }

    @discardableResult
    private func append(
        _ handle: SetHandle, _ published: PublishedView, owner: UInt16, to records: inout [UInt8]
    ) -> Int {
        let table = published[handle.table]
        let set = table.sets[handle.set]
        for index in 0..<set.count {
            records.append(uint16: owner)
            records += table.octets[table.record(index, of: set).dropFirst(2)]
        }
        return set.count
    }

    private func synthesise(
        _ synthetic: Synthetic, _ query: borrowing QueryView, _ published: PublishedView,
        _ reply: inout Reply, _ out: inout OutputSpan<UInt8>
    ) {
        var record: [UInt8] = []
        let view = published.view
        switch synthetic {
        case .loopback(let type):
            let data = type == .a ? [127, 0, 0, 1] : [UInt8](repeating: 0, count: 15) + [1]
            RecordEncoder.append(
                .question, type: type, ttl: loopbackTTL, data: data, to: &record)
        case .loopbackPointer:
            let data = [9] + Array("localhost".utf8) + [0]
            RecordEncoder.append(
                .question, type: .ptr, ttl: loopbackTTL, data: data, to: &record)
        case .networkSOA(let index):
            let zone = view.networks[index].network
            RecordEncoder.append(
                .question, type: .soa, ttl: view.negativeTTL,
                data: RecordEncoder.soa(zone: zone, minimum: view.negativeTTL), to: &record)
        case .networkNS(let index):
            let zone = view.networks[index].network
            RecordEncoder.append(
                .question, type: .ns, ttl: view.negativeTTL,
                data: [2] + Array("ns".utf8) + RecordEncoder.wire(zone), to: &record)
        case .resolverAddress:
            let type: RecordType
            let data: [UInt8]
            switch view.resolverAddress {
            case .v4(let address): (type, data) = (.a, address.octets)
            case .v6(let address): (type, data) = (.aaaa, address.octets)
            }
            RecordEncoder.append(
                .question, type: type, ttl: view.negativeTTL, data: data, to: &record)
        case .minimalAny:
            // RFC 8482 §4.2; not ours, so not authoritative.
            reply.flags &= ~HeaderFlags.authoritative.rawValue
            let data = [7] + Array("RFC8482".utf8) + [0]
            RecordEncoder.append(
                .question, type: .hinfo, ttl: loopbackTTL, data: data, to: &record)
        }
        begin(query, reply, .noError, answers: 1, authorities: 0, additionals: 0, &out)
        out.append(octets: record)
        end(reply, .noError, &out)
    }

    @inline(__always)
    private func begin(
        _ query: borrowing QueryView, _ reply: Reply, _ code: ResponseCode, answers: Int,
        authorities: Int, additionals: Int, _ out: inout OutputSpan<UInt8>
    ) {
        ReplyWriter.header(
            &out, id: query.id, flags: reply.flags | UInt16(code.rawValue & 15), questions: 1,
            answers: UInt16(truncatingIfNeeded: answers),
            authorities: UInt16(truncatingIfNeeded: authorities),
            additionals: UInt16(truncatingIfNeeded: additionals + (reply.opt ? 1 : 0)))
        out.append(query.bytes, MessageSize.header..<query.questionEnd)
    }

    @inline(__always)
    private func end(
        _ reply: Reply, _ code: ResponseCode, _ out: inout OutputSpan<UInt8>
    ) {
        if reply.opt {
            ReplyWriter.opt(
                &out, code: code, dnssecOK: reply.dnssecOK, keepalive: reply.keepalive)
        }
        counters.add(code)
    }
}

/// Seconds, for answers that never change.
private let loopbackTTL: UInt32 = 3600
