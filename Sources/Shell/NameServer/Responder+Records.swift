import Base
import DNSWire
import Names

/// The records of a reply, from the tables' octets.
extension Responder {
    /// An answer from one record set, in uniformly random order, cut where the client's limit is.
    mutating func answer(
        _ handle: SetHandle,
        _ query: borrowing QueryView,
        _ published: PublishedView,
        _ tables: NameTables,
        _ reply: inout Reply,
        _ out: inout OutputSpan<UInt8>
    ) {
        let set = RecordImage(published.view.table(handle.table, in: tables), handle.set)
        let room = reply.limit - query.questionEnd - reply.optOctets
        if !published.isModern {
            // Docker repeats the owner's name as long as the reply fits.
            let longer = set.count * (query.nameEnd + 1 - MessageSize.header - 2)
            if set.all.count + longer <= room {
                writeDocker(set, query, reply, &out)
                return
            }
        }
        let fitting = choose(set, room: room)
        let isCut = fitting.count < set.count
        let glue =
            !isCut && !set.glue.isEmpty && fitting.octets + set.glue.count <= room
            ? set.glueCount : 0
        if isCut {
            reply.flags |= HeaderFlags.truncated.rawValue
            counters.add(.truncated)
        }
        begin(
            query,
            reply,
            .noError,
            answers: fitting.count,
            authorities: 0,
            additionals: glue,
            &out
        )
        for index in 0..<fitting.count {
            out.append(octets: set.octets, set.record(record(index, of: set)))
        }
        if glue > 0 { out.append(octets: set.octets, set.glue) }
        end(reply, .noError, &out)
    }

    /// How many records fit, after a shuffle that decides which.
    private mutating func choose(
        _ set: borrowing RecordImage,
        room: Int
    ) -> (count: Int, octets: Int) {
        shuffle(set.count)
        if set.stride > 0 {
            let count = min(set.count, room / set.stride)
            return (count, count * set.stride)
        }
        var octets = 0
        for index in 0..<set.count {
            let next = set.record(record(index, of: set)).count
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
    private func record(_ place: Int, of set: borrowing RecordImage) -> Int {
        set.count == 1 || place >= Self.shuffledMax ? place : Int(order[place])
    }

    private mutating func writeDocker(
        _ set: borrowing RecordImage,
        _ query: borrowing QueryView,
        _ reply: Reply,
        _ out: inout OutputSpan<UInt8>
    ) {
        shuffle(set.count)
        begin(query, reply, .noError, answers: set.count, authorities: 0, additionals: 0, &out)
        for index in 0..<set.count {
            out.append(query.bytes, MessageSize.header..<query.nameEnd + 1)
            // All of the record but the two octets that point at the question.
            for octet in set.record(record(index, of: set)).dropFirst(2) {
                out.append(set.octets[octet])
            }
        }
        end(reply, .noError, &out)
    }

    /// NODATA or NXDOMAIN with the SOA record that says how long it holds (RFC 2308 §2).
    func deny(
        _ code: ResponseCode,
        _ authority: Authority,
        _ query: borrowing QueryView,
        _ published: PublishedView,
        _ tables: NameTables,
        _ reply: inout Reply,
        _ out: inout OutputSpan<UInt8>
    ) {
        let soa: [UInt8]
        switch authority {
        case .network(let index):
            soa = tables[published.view.networks[index].table].denial
        case .zone(let apex):
            soa = tables.zone.apexDenials[apex] ?? tables.zone.denial
        case .resolver:
            soa = tables.zone.denial
        }
        let hasSOA = published.isModern && fits(soa.count, query, &reply)
        begin(
            query,
            reply,
            code,
            answers: 0,
            authorities: hasSOA ? 1 : 0,
            additionals: 0,
            &out
        )
        if hasSOA { out.append(octets: soa) }
        end(reply, code, &out)
    }

    /// The alias, and what it leads to as far as that is known here.
    mutating func follow(
        _ handle: SetHandle,
        _ target: DomainName,
        _ query: borrowing QueryView,
        _ published: PublishedView,
        _ tables: NameTables,
        _ reply: inout Reply,
        _ out: inout OutputSpan<UInt8>
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
            append(alias.handle, published, tables, owner: owner, to: &records)
            count += 1
            owner = 0xc000 | UInt16(at + 12)
            if count > Self.aliasesMax {
                code = .servFail
                break
            }
            var next = NameKey(seed: tables.zone.seed)
            next.load(alias.target)
            switch published.view.verdict(next, type: query.type, in: tables) {
            case .answer(let found):
                count += append(found, published, tables, owner: owner, to: &records)
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
        } else if !fits(records.count, query, &reply) {
            records.removeAll()
            count = 0
        }
        begin(query, reply, code, answers: count, authorities: 0, additionals: 0, &out)
        out.append(octets: records)
        end(reply, code, &out)
    }

    @discardableResult
    private func append(
        _ handle: SetHandle,
        _ published: PublishedView,
        _ tables: NameTables,
        owner: UInt16,
        to records: inout [UInt8]
    ) -> Int {
        let set = RecordImage(published.view.table(handle.table, in: tables), handle.set)
        for index in 0..<set.count {
            records.append(uint16: owner)
            records += set.octets[set.record(index).dropFirst(2)]
        }
        return set.count
    }

    func synthesise(
        _ synthetic: Synthetic,
        _ query: borrowing QueryView,
        _ published: PublishedView,
        _ reply: inout Reply,
        _ out: inout OutputSpan<UInt8>
    ) {
        var record: [UInt8] = []
        let view = published.view
        switch synthetic {
        case .loopback(let type):
            let data = type == .a ? [127, 0, 0, 1] : [UInt8](repeating: 0, count: 15) + [1]
            RecordEncoder.append(
                .question,
                type: type,
                ttl: loopbackTTL,
                data: data,
                to: &record
            )
        case .loopbackPointer:
            let data = [9] + Array("localhost".utf8) + [0]
            RecordEncoder.append(
                .question,
                type: .ptr,
                ttl: loopbackTTL,
                data: data,
                to: &record
            )
        case .networkSOA(let index):
            let zone = view.networks[index].name
            RecordEncoder.append(
                .question,
                type: .soa,
                ttl: view.negativeTTL,
                data: RecordEncoder.soa(zone: zone, minimum: view.negativeTTL),
                to: &record
            )
        case .networkNS(let index):
            let zone = view.networks[index].name
            RecordEncoder.append(
                .question,
                type: .ns,
                ttl: view.negativeTTL,
                data: [2] + Array("ns".utf8) + RecordEncoder.wire(zone),
                to: &record
            )
        case .resolverAddress:
            let type: RecordType
            let data: [UInt8]
            switch view.resolverAddress {
            case .v4(let address): (type, data) = (.a, address.octets)
            case .v6(let address): (type, data) = (.aaaa, address.octets)
            }
            RecordEncoder.append(
                .question,
                type: type,
                ttl: view.negativeTTL,
                data: data,
                to: &record
            )
        case .minimalAny:
            // RFC 8482 §4.2; not ours, so not authoritative.
            reply.flags &= ~HeaderFlags.authoritative.rawValue
            let data = [7] + Array("RFC8482".utf8) + [0]
            RecordEncoder.append(
                .question,
                type: .hinfo,
                ttl: loopbackTTL,
                data: data,
                to: &record
            )
        }
        let answers = fits(record.count, query, &reply) ? 1 : 0
        begin(query, reply, .noError, answers: answers, authorities: 0, additionals: 0, &out)
        if answers > 0 { out.append(octets: record) }
        end(reply, .noError, &out)
    }

    /// Whether so many octets of records may follow the question.
    ///
    /// Where they may not, the client is told to ask again over TCP (RFC 2181 §9).
    private func fits(
        _ octets: Int,
        _ query: borrowing QueryView,
        _ reply: inout Reply
    ) -> Bool {
        if query.questionEnd + octets + reply.optOctets <= reply.limit { return true }
        reply.flags |= HeaderFlags.truncated.rawValue
        counters.add(.truncated)
        return false
    }

    @inline(__always)
    private func begin(
        _ query: borrowing QueryView,
        _ reply: Reply,
        _ code: ResponseCode,
        answers: Int,
        authorities: Int,
        additionals: Int,
        _ out: inout OutputSpan<UInt8>
    ) {
        ReplyWriter.header(
            &out,
            id: query.id,
            flags: reply.flags | UInt16(code.rawValue & 15),
            questions: 1,
            answers: UInt16(truncatingIfNeeded: answers),
            authorities: UInt16(truncatingIfNeeded: authorities),
            additionals: UInt16(truncatingIfNeeded: additionals + (reply.opt ? 1 : 0))
        )
        out.append(query.bytes, MessageSize.header..<query.questionEnd)
    }

    @inline(__always)
    private func end(
        _ reply: Reply,
        _ code: ResponseCode,
        _ out: inout OutputSpan<UInt8>
    ) {
        if reply.opt {
            ReplyWriter.opt(
                &out,
                code: code,
                dnssecOK: reply.dnssecOK,
                keepalive: reply.keepalive
            )
        }
        counters.add(code)
    }
}

/// Seconds, for answers that never change.
private let loopbackTTL: UInt32 = 3600
