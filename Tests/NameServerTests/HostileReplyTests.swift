import Base
import DNSWire
import Glibc
import NameServer
import Names
import Testing

/// Replies that are well formed and made to cost: as many names as a message holds, each as long to
/// look at as can be.
///
/// What four times the records cost is compared with what one part of them costs, in processor time
/// of the same thread: about four where the work grows with the octets, sixteen where every name is
/// held against every record.
@Suite("Replies that are made to cost", .timeLimit(.minutes(5)))
struct HostileReplyTests {
    private static func record(_ owner: [UInt8], _ type: UInt16, _ data: [UInt8]) -> [UInt8] {
        owner + Query.word(type) + [0, 1, 0, 0, 0, 60] + Query.word(UInt16(data.count)) + data
    }

    private static func pointer(_ offset: Int) -> [UInt8] {
        Query.word(0xc000 | UInt16(offset))
    }

    /// `a.a.….LAST` with that many labels.
    private static func long(_ labels: Int, _ last: String) -> [UInt8] {
        Query.labels(String(repeating: "a.", count: labels - 1) + last) + [0]
    }

    /// A reply whose first records are answers and the others authority.
    private static func message(
        _ name: [UInt8],
        answers: Int,
        _ records: [[UInt8]]
    ) throws -> [UInt8] {
        var query = Query(flags: 0x8180)
        query.counts = [1, UInt16(answers), UInt16(records.count - answers), 0]
        query.question = name + [0, 1, 0, 1]
        query.rest = Array(records.joined())
        try #require(query.octets.count <= 65_535)
        return query.octets
    }

    /// Reads a reply three times; returns it with the least nanoseconds that it took.
    private static func read(_ octets: [UInt8]) throws -> (reply: UpstreamReply, cost: UInt64) {
        var reply = UpstreamReply()
        var cost = UInt64.max
        for _ in 0..<3 {
            let start = threadNanoseconds()
            reply = UpstreamReply(octets.span, try ReplyWalker(octets.span))
            cost = min(cost, threadNanoseconds() - start)
        }
        return (reply, cost)
    }

    /// Nanoseconds that this thread has run.
    private static func threadNanoseconds() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Thousands of names that lead into one record's data.
    private static func names(_ count: Int) throws -> [UInt8] {
        let question = Query.labels("www.example.net") + [0]
        let target = pointer(12 + question.count + 4 + 12)
        let first = record([0xc0, 12], 12, long(8, "a"))
        let others = [[UInt8]](repeating: record(target, 65_280, []), count: count)
        return try message(question, answers: 1, [first] + others)
    }

    /// Sixteen long aliases, the first of them last, and thousands of names like them.
    private static func aliases(_ count: Int) throws -> [UInt8] {
        let question = long(120, "a")
        let names = (0...16).map { long(100, String(UnicodeScalar(UInt8(98 + $0)))) }
        let owner = pointer(12 + question.count + 4)
        var records = [record(long(110, "z"), 39, [0])]
        records += [[UInt8]](repeating: record(owner, 39, [0]), count: count)
        for step in (0..<16).reversed() { records.append(record(names[step], 5, names[step + 1])) }
        records.append(record([0xc0, 12], 5, names[0]))
        return try message(question, answers: records.count, records)
    }

    @Test("names of others: the work grows with the octets")
    func manyNames() throws {
        let few = try Self.read(Self.names(1000))
        let many = try Self.read(Self.names(4000))
        #expect(many.reply.answerCount == 1 && many.reply.authorityCount == 4000)
        #expect(many.cost < 9 * few.cost, "\(few.cost) ns and \(many.cost) ns")
    }

    @Test("aliases in the worst order: sixteen are followed, and the work grows with the octets")
    func manyAliases() throws {
        let few = try Self.read(Self.aliases(850))
        let many = try Self.read(Self.aliases(3400))
        // The seventeenth alias belongs to the last name that is followed.
        #expect(many.reply.answerCount == 17 && many.reply.authorityCount == 0)
        #expect(many.cost < 9 * few.cost, "\(few.cost) ns and \(many.cost) ns")
    }
}
