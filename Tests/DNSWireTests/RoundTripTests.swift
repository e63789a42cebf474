import Base
import DNSWire
import LDNS
import Testing

/// What holds for every message: it is read as it was written, nothing of it can be missing, and
/// no octet of it brings a reader down.
@Suite("Messages there and back")
struct RoundTripTests {
    private static func anyLabels(_ dice: inout SeededGenerator) -> [UInt8] {
        var octets: [UInt8] = []
        for _ in 0..<dice.below(6) {
            let count = 1 + dice.below(dice.below(8) == 0 ? 63 : 12)
            if octets.count + Int(count) + 1 > DomainName.octetsMax { break }
            octets.append(UInt8(count))
            for _ in 0..<count { octets.append(UInt8(dice.below(256))) }
        }
        return octets
    }

    @Test("a query written, read and written again is the same")
    func queries() throws {
        var dice = SeededGenerator(seed: 4)
        for _ in 0..<2000 {
            let written = QueryWriter.query(
                id: UInt16(dice.below(65_536)),
                labels: Self.anyLabels(&dice),
                type: RecordType(UInt16(dice.below(65_536))),
                checkingDisabled: dice.below(2) == 0,
                dnssecOK: dice.below(2) == 0
            )
            let query = try QueryView(written.span)
            let again = QueryWriter.query(
                id: query.id,
                labels: Self.array(query.labels),
                type: query.type,
                checkingDisabled: query.flags.contains(.checkingDisabled),
                dnssecOK: query.edns?.dnssecOK ?? false
            )
            #expect(again == written)
        }
    }

    private static func array(_ span: Span<UInt8>) -> [UInt8] {
        span.indices.map { span[$0] }
    }

    /// A record of each type whose data have a shape, with names of any octets.
    private static func anyRecord(
        _ dice: inout SeededGenerator
    ) throws -> (type: RecordType, data: [UInt8]) {
        func number(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(dice.below(256)) } }
        func name() throws -> DomainName { try DomainName(wire: anyLabels(&dice)) }
        switch dice.below(9) {
        case 0: return (.a, number(4))
        case 1: return (.aaaa, number(16))
        case 2: return (.cname, RecordEncoder.wire(try name()))
        case 3: return (.ptr, RecordEncoder.wire(try name()))
        case 4: return (.mx, number(2) + RecordEncoder.wire(try name()))
        case 5:
            let data = RecordEncoder.srv(priority: 1, weight: 2, port: 53, target: try name())
            return (.srv, data)
        case 6:
            return (.soa, RecordEncoder.soa(zone: try name(), minimum: dice.below(1000)))
        case 7:
            let text = number(Int(dice.below(200)))
            return (.txt, [UInt8(text.count)] + text + [0])
        default:
            return (RecordType(65_280), number(Int(dice.below(40))))
        }
    }

    private struct Reply {
        var octets: [UInt8] = []
        var records: [(type: RecordType, data: [UInt8], ttl: UInt32)] = []

        init(_ dice: inout SeededGenerator) throws {
            for _ in 0..<1 + dice.below(8) {
                let (type, data) = try RoundTripTests.anyRecord(&dice)
                records.append((type, data, dice.below(1 << 31)))
            }
            let owner = RoundTripTests.anyLabels(&dice) + [0]
            octets =
                Message(
                    flags: 0x8580,
                    counts: [1, UInt16(records.count), 0, 1],
                    body: question(owner)
                ).octets
            for record in records {
                RecordEncoder.append(
                    .question,
                    type: record.type,
                    ttl: record.ttl,
                    data: record.data,
                    to: &octets
                )
            }
            octets += opt(option(15, [0, 22]))
        }
    }

    @Test("a reply written, read by libldns and written again is the same, and the walker takes it")
    func replies() throws {
        var dice = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            let reply = try Reply(&dice)
            let walked = try ReplyWalker(reply.octets.span)
            #expect(walked.answerCount == reply.records.count)
            let decoded = try DecodedMessage(reply.octets)
            var again = Array(reply.octets[..<walked.questionEnd])
            for record in decoded.answer {
                RecordEncoder.append(
                    .question,
                    type: record.type,
                    ttl: record.ttl,
                    data: record.data,
                    to: &again
                )
            }
            let tail = try #require(walked.opt)
            again += reply.octets[tail]
            #expect(again == reply.octets)
        }
    }

    @Test("no prefix of a query or a reply is one")
    func prefixes() throws {
        var dice = SeededGenerator(seed: 6)
        for _ in 0..<40 {
            let query = QueryWriter.query(id: 1, labels: Self.anyLabels(&dice), type: .srv)
            for count in 0..<query.count {
                let part = Array(query[..<count])
                #expect(throws: QueryFault.self) { _ = try QueryView(part.span) }
            }
            let reply = try Reply(&dice).octets
            for count in 0..<reply.count {
                let part = Array(reply[..<count])
                #expect(throws: ReplyFault.self) { _ = try ReplyWalker(part.span) }
            }
        }
    }

    @Test("a flipped octet of a query leaves a question inside the octets, or a fault")
    func flippedQueries() {
        let query = Message.query(
            address + opt(option(10, [1, 2, 3, 4, 5, 6, 7, 8])),
            additional: 2
        )
        for index in query.octets.indices {
            for mask in UInt8(1)...255 {
                var octets = query.octets
                octets[index] ^= mask
                do throws(QueryFault) {
                    let view = try QueryView(octets.span)
                    #expect(view.questionEnd <= octets.count && view.labels.count <= 254)
                } catch {
                    #expect((12...octets.count).contains(error.questionEnd) || index < 12)
                }
            }
        }
    }

    /// Types whose data the walker looks into, and one it leaves alone.
    private static let walkedTypes: Set<UInt16> = [1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 65_280]

    @Test("what the walker takes of a flipped reply, libldns takes too, record by record")
    func flippedReplies() throws {
        let reply = Message.reply(
            [address, record(.cname, [1, 97] + pointer(12)), record(.txt, [1, 97, 0])],
            authority: [record(.soa, pointer(12) + [1, 98, 0] + [UInt8](repeating: 1, count: 20))],
            additional: [record(.srv, [0, 1, 0, 2, 0, 53, 1, 97, 0]), opt(option(15, [0, 22]))]
        ).octets
        var taken = 0
        for index in reply.indices {
            for mask in UInt8(1)...255 {
                var octets = reply
                octets[index] ^= mask
                guard let walked = try? ReplyWalker(octets.span) else { continue }
                let decoded: DecodedMessage
                do {
                    decoded = try DecodedMessage(octets)
                } catch {
                    // A record has become one of a type that only libldns looks into.
                    #expect(Self.hasOtherType(octets, walked), "octet \(index) ^ \(mask): \(error)")
                    continue
                }
                taken += 1
                #expect(decoded.answer.count == walked.answerCount)
                #expect(decoded.authority.count == walked.authorityCount)
                #expect(decoded.additional.count == walked.additionalCount)
                #expect(decoded.hasOPT == (walked.opt != nil))
                #expect(decoded.rcode == walked.responseCode)
                let shapes = decoded.answer + decoded.authority + decoded.additional
                for record in shapes where record.type == .a { #expect(record.data.count == 4) }
            }
        }
        // Flips of ids, flags, TTLs, addresses and letters are no damage.
        #expect(taken > 5000)
    }

    /// Whether a record of the message has a type that is none of `walkedTypes`.
    private static func hasOtherType(_ octets: [UInt8], _ walked: ReplyWalker) -> Bool {
        let records = walked.answerCount + walked.authorityCount + walked.additionalCount
        var at = walked.questionEnd
        for _ in 0..<records + (walked.opt == nil ? 0 : 1) {
            while octets[at] != 0, octets[at] < 64 { at += 1 + Int(octets[at]) }
            at += octets[at] == 0 ? 1 : 2
            let type = UInt16(octets[at]) << 8 | UInt16(octets[at + 1])
            if !walkedTypes.contains(type) { return true }
            at += 10 + Int(octets[at + 8]) << 8 + Int(octets[at + 9])
        }
        return false
    }
}
