import HTTPAPI
import Testing
import waggle

@Suite("The view of top")
struct TopViewTests {
    private static func document(
        seconds: UInt64,
        names: [(String, UInt64, UInt64)],
        asked: UInt64
    ) -> JSONValue {
        var report = TopReport(
            atMicroseconds: seconds * 1_000_000,
            uptimeSeconds: Int(seconds),
            nameSample: 16,
            questions: asked,
            dropped: 0
        )
        report.names = names.map { .init(name: $0.0, questions: $0.1, excess: $0.2) }
        var sandbox = TopReport.Sandbox(name: "box")
        sandbox.questions = asked
        report.sandboxes = [sandbox]
        var upstream = TopReport.Upstream(address: "192.0.2.1", sandbox: nil)
        upstream.isDown = true
        upstream.roundTripMicroseconds = 12_345
        report.upstreams = [upstream]
        return report.json
    }

    @Test("one look shows counts since the start")
    func counts() {
        let text = Views.top(
            Self.document(seconds: 61, names: [("web", 150, 0), ("db", 50, 0)], asked: 200),
            since: nil
        )
        #expect(
            text == """
                up 1m, 200 questions, 0 dropped

                NAME  QUESTIONS  SHARE
                web   150        75%
                db    50         25%

                SANDBOX  QUESTIONS  LOCAL  CACHED  FORWARDED  NXDOMAIN  SERVFAIL  REFUSED
                box      200        0      0       0          0         0         0

                UPSTREAM   FROM    STATE  QUESTIONS  REPLIES  FAILURES  ROUNDTRIP
                192.0.2.1  daemon  down   0          0        0         12.34ms
                """
        )
    }

    @Test("two looks show rates, the busiest of now first, and a new name from where it began")
    func rates() {
        let text = Views.top(
            Self.document(
                seconds: 12,
                names: [("web", 150, 0), ("db", 130, 0), ("new", 70, 50)],
                asked: 310
            ),
            since: Self.document(
                seconds: 10,
                names: [("web", 149, 0), ("db", 50, 0)],
                asked: 200
            )
        )
        let lines = text.split(separator: "\n").map { String($0) }
        #expect(lines[0] == "up 12s, 55 questions/s, 0.0 dropped")
        #expect(
            Array(lines[2...4]) == [
                "db    40           73%", "new   10           18%", "web   0.5          1%",
            ]
        )
    }

    @Test("a daemon that has started anew is counted from its start")
    func restarted() {
        let text = Views.top(
            Self.document(seconds: 2, names: [], asked: 5),
            since: Self.document(seconds: 1, names: [], asked: 200)
        )
        #expect(text.hasPrefix("up 2s, 5 questions, "))
    }
}
