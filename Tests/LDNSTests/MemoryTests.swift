import Base
import Foundation
import LDNS
import Testing

@Suite("Memory of libldns", .serialized)
struct MemoryTests {
    @Test("20,000 records, good and bad, leave nothing behind")
    func records() throws {
        let origin = try DomainName("zone.test")
        let good = [
            "a A 192.0.2.1", "a MX 10 mail", "a TXT \"one\" two", "a SOA n h 1 2 3 4 5",
            "a HTTPS 1 . alpn=h2,h3", "a TYPE1 \\# 4 c0000201",
        ]
        let bad = [
            "a A 192.0.2.256", "a A 192.0.2.1 x", "a A", "a MX 10", "a CAA 0 issue x",
            "a HTTPS 1 . alpn=", "a A \\# 5 c000020100", "a SRV 1 2 3", "a DS 1 8 2 xy",
        ]
        try expectFlat {
            for index in 0..<20_000 {
                let text = good[index % good.count]
                _ = try ZoneText.record(text, origin: origin, defaultTTL: 5)
                _ = try? ZoneText.record(bad[index % bad.count], origin: origin, defaultTTL: 5)
            }
        }
    }

    @Test("20,000 messages, good and bad, leave nothing behind")
    func messages() throws {
        let torn = ZoneTextTests.octets(
            """
            1234 8580 0001 0002 0000 0001 0377656203737663 00 0001 0001
            c00c 0001 0001 00000005 0004 0a00000b
            c00c 0010 0001 00000007 0007 0161 03622063
            00 0029 04d0 00008000 0006 000f 0002 0016
            """
        )
        // The second record's length takes in an octet of the OPT record.
        #expect(throws: MessageError.self) { try DecodedMessage(torn) }
        var whole = torn
        whole[52] = 6
        _ = try DecodedMessage(whole)
        try expectFlat {
            for _ in 0..<20_000 {
                _ = try DecodedMessage(whole)
                _ = try MessagePrinter.text(of: whole)
                _ = try? DecodedMessage(torn)
                _ = try? DecodedMessage(whole.dropLast())
            }
        }
    }

    /// Runs the body once to warm up and then until resident memory has grown by less than 4 MiB in
    /// a round, at most eight times.
    ///
    /// A leak of 210 octets a turn would show in every round; other suites that run at the same
    /// time do not grow in all of them.
    private func expectFlat(_ body: () throws -> Void) throws {
        try body()
        var growths: [Int] = []
        for _ in 0..<8 {
            let before = try residentOctets()
            try body()
            growths.append(try residentOctets() - before)
            if growths.last.map({ $0 < 4 << 20 }) == true { return }
        }
        Issue.record("resident memory grew by \(growths) octets")
    }

    /// The second number of statm: resident pages.
    private func residentOctets() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * 4_096
    }
}

extension DecodedMessage {
    fileprivate init(_ octets: ArraySlice<UInt8>) throws {
        try self.init(Array(octets))
    }
}
