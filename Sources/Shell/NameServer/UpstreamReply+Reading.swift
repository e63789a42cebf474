import Base
package import DNSWire
package import Names

extension UpstreamReply {
    /// Takes what is worth keeping out of a reply that the walker has accepted.
    ///
    /// Answers that do not follow from the question, by its name or along aliases, are left out: an
    /// upstream speaks of what it was asked and of nothing else (RFC 2181 §5.4.1; dns.md F22).
    package init(_ bytes: Span<UInt8>, _ walked: ReplyWalker) {
        var records: [ReplyWalker.Record] = []
        records.reserveCapacity(walked.answerCount + walked.authorityCount + 2)
        walked.records(bytes) { records.append($0) }
        let isPlain = records.allSatisfy { Self.isPlain(bytes, $0) }
        let isChain = isPlain ? [] : Self.chain(bytes, records)
        self.init(
            code: walked.responseCode,
            isTruncated: walked.flags.contains(.truncated),
            hasOPT: walked.opt != nil,
            extendedError: walked.extendedError(bytes)
        )
        for (index, record) in records.enumerated() {
            let ttl = Self.ttl(bytes, record)
            switch record.section {
            case .answer where isPlain || isChain[index]: answerTTL = min(answerTTL ?? .max, ttl)
            case .authority where record.type == .soa && denialTTL == nil:
                denialTTL = min(ttl, bytes.uint32(at: record.end - 4))
            case .answer, .authority, .additional: break
            }
        }
        if !isPlain, isChain.contains(false) || Self.readsTTL(bytes, walked, records) {
            rebuild(bytes, records, isChain)
        } else {
            copy(bytes, walked, records)
        }
    }

    /// Whether a record is at the question's name, or OPT, and has no name in its data: then it
    /// belongs to the answer and reads nothing but the question.
    private static func isPlain(_ bytes: Span<UInt8>, _ record: ReplyWalker.Record) -> Bool {
        if nameCount(record.type) > 0 { return false }
        if record.type == .opt { return true }
        return record.section == .answer
            && bytes.uint16(at: record.ownerAt) == 0xc000 | UInt16(MessageSize.header)
    }

    /// The usual case: all octets up to the OPT record as they are.
    private mutating func copy(
        _ bytes: Span<UInt8>,
        _ walked: ReplyWalker,
        _ records: [ReplyWalker.Record]
    ) {
        let end = walked.opt?.lowerBound ?? bytes.count
        body.reserveCapacity(end - walked.questionEnd)
        for index in walked.questionEnd..<end { body.append(bytes[index]) }
        for record in records where record.end <= end {
            marks.append(
                Mark(
                    ttlAt: UInt16(record.ttlAt - walked.questionEnd),
                    end: UInt16(record.end - walked.questionEnd)
                )
            )
        }
        answerCount = UInt16(walked.answerCount)
        authorityCount = UInt16(walked.authorityCount)
        additionalCount = UInt16(walked.additionalBeforeOPT)
    }

    /// Records that belong to the answer, written out without compression, since what their names
    /// pointed at may be gone.
    private mutating func rebuild(
        _ bytes: Span<UInt8>,
        _ records: [ReplyWalker.Record],
        _ isChain: [Bool]
    ) {
        for (index, record) in records.enumerated() {
            guard record.section != .additional, isChain[index] else { continue }
            let octets = Self.expanded(bytes, record)
            guard body.count + octets.count <= MessageSize.streamMax / 2 else { break }
            let ttlAt = body.count + MessageName.expanded(bytes, record.ownerAt).count + 4
            body += octets
            marks.append(Mark(ttlAt: UInt16(ttlAt), end: UInt16(body.count)))
            if record.section == .answer { answerCount += 1 } else { authorityCount += 1 }
        }
    }

    /// Whether a pointer makes octets of a TTL part of a name: such a message would mean something
    /// else once its TTLs are counted down.
    private static func readsTTL(
        _ bytes: Span<UInt8>,
        _ walked: ReplyWalker,
        _ records: [ReplyWalker.Record]
    ) -> Bool {
        var isRead = false
        func check(_ name: Int) {
            MessageName.parts(bytes, name) { part in
                // What stands in the question, and what stands where the name itself does, is none.
                if isRead || part.upperBound <= walked.questionEnd || part.lowerBound >= name {
                    return
                }
                isRead = holdsTTL(part, records)
            }
        }
        for record in records where !isRead {
            check(record.ownerAt)
            var at = record.dataAt + fixedOctets(record.type)
            for _ in 0..<nameCount(record.type) {
                check(at)
                at = MessageName.end(bytes, at)
            }
        }
        return isRead
    }

    /// Whether the TTL of a record stands in that part of the message.
    ///
    /// Records follow one another, so halving finds it: an upstream may send thousands of them with
    /// as many names.
    private static func holdsTTL(_ part: Range<Int>, _ records: [ReplyWalker.Record]) -> Bool {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].ttlAt + 4 <= part.lowerBound {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < records.count && records[low].ttlAt < part.upperBound
    }

    /// Octets of data before the first name.
    private static func fixedOctets(_ type: RecordType) -> Int {
        switch type {
        case .mx: 2
        case .srv: 6
        default: 0
        }
    }

    /// Names in the data of the types whose data the walker has checked.
    private static func nameCount(_ type: RecordType) -> Int {
        switch type {
        case .ns, .cname, .ptr, .mx, .srv, dnameType: 1
        case .soa: 2
        default: 0
        }
    }

    /// RFC 2181 §8: a TTL with its highest bit set is 0.
    private static func ttl(_ bytes: Span<UInt8>, _ record: ReplyWalker.Record) -> UInt32 {
        let value = bytes.uint32(at: record.ttlAt)
        return value > UInt32(Int32.max) ? 0 : value
    }

    /// For each record whether it may stay: answers at the question's name or at what aliases make
    /// of it; everything of the other sections.
    private static func chain(_ bytes: Span<UInt8>, _ records: [ReplyWalker.Record]) -> [Bool] {
        var belongs = records.map { $0.section != .answer }
        if !belongs.contains(false) { return belongs }
        let owners = records.map { MessageName.digest(bytes, $0.ownerAt) }
        // Names that the answer may speak of and that no record was held against yet.
        var names = [NameDigests(bytes, MessageSize.header)]
        var aliases = 0
        // Aliases may stand in any order, so another may have become one of ours.
        while !names.isEmpty {
            var found: [NameDigests] = []
            for (index, record) in records.enumerated() where !belongs[index] {
                let isOurs = names.contains { name in
                    name.isMaybe(owners[index])
                        && MessageName.same(bytes, name.start, record.ownerAt)
                        || record.type == dnameType && name.isMaybeBelow(owners[index])
                            && MessageName.isBelow(bytes, name.start, record.ownerAt)
                }
                guard isOurs else { continue }
                belongs[index] = true
                if record.type == .cname, aliases < aliasesMax {
                    aliases += 1
                    found.append(NameDigests(bytes, record.dataAt))
                }
            }
            names = found
        }
        return belongs
    }

    private static func expanded(_ bytes: Span<UInt8>, _ record: ReplyWalker.Record) -> [UInt8] {
        var data: [UInt8] = []
        func copy(_ range: Range<Int>) { for index in range { data.append(bytes[index]) } }
        var at = record.dataAt
        copy(at..<at + fixedOctets(record.type))
        at += fixedOctets(record.type)
        for _ in 0..<nameCount(record.type) {
            data += MessageName.expanded(bytes, at)
            at = MessageName.end(bytes, at)
        }
        copy(at..<record.end)
        var octets = MessageName.expanded(bytes, record.ownerAt)
        for index in MessageName.end(bytes, record.ownerAt)..<record.dataAt - 2 {
            octets.append(bytes[index])
        }
        octets.append(uint16: UInt16(data.count))
        return octets + data
    }
}

/// DNAME (RFC 6672).
private let dnameType = RecordType(39)
/// Aliases that are followed within one reply.
private let aliasesMax = 16
