import Base
import Foundation
import LinuxSystem
import Testing

@Suite("Metrics", Requirement.tools(Tool.python), .inTurn, .timeLimit(.minutes(5)))
struct MetricsTests {
    /// One sample of a page.
    struct Sample: Hashable {
        let name: String
        /// As written, in order.
        let labels: [String: String]
        let value: Double
    }

    /// A page of Prometheus text, read as strictly as promtool does.
    struct Page {
        private(set) var types: [String: String] = [:]
        private(set) var helps: Set<String> = []
        private(set) var samples: [Sample] = []
        /// What is wrong with it.
        private(set) var faults: [String] = []

        init(_ lines: some Sequence<String>) {
            var family = ""
            var closed: Set<String> = []
            var series: Set<String> = []
            for line in lines {
                if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") {
                    let words = line.split(separator: " ", maxSplits: 3).map { String($0) }
                    guard words.count == 4 else {
                        faults.append(line)
                        continue
                    }
                    if words[1] == "HELP" {
                        if !helps.insert(words[2]).inserted { faults.append("HELP twice: \(line)") }
                        closed.insert(family)
                        family = words[2]
                        if closed.contains(family) { faults.append("in two pieces: \(line)") }
                    } else {
                        if words[2] != family { faults.append("TYPE without HELP: \(line)") }
                        if types.updateValue(words[3], forKey: words[2]) != nil {
                            faults.append("TYPE twice: \(line)")
                        }
                    }
                    continue
                }
                guard let sample = Self.sample(line) else {
                    faults.append("no sample: \(line)")
                    continue
                }
                let key = "\(sample.name) \(sample.labels.sorted { $0.key < $1.key })"
                if !series.insert(key).inserted { faults.append("twice: \(line)") }
                let ends = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                if !ends.contains(where: { sample.name == family + $0 }) {
                    faults.append("outside its family: \(line)")
                }
                if types[family] == "counter", !family.hasSuffix("_total") {
                    faults.append("a counter ends in _total: \(family)")
                }
                samples.append(sample)
            }
        }

        private static func sample(_ line: String) -> Sample? {
            guard
                let match = line.wholeMatch(
                    of: /([a-z_][a-z0-9_]*)(\{.*\})? ([0-9.e+-]+)/
                ), let value = Double(match.3)
            else { return nil }
            var labels: [String: String] = [:]
            var rest = (match.2 ?? "{}").dropFirst().dropLast()
            while !rest.isEmpty {
                guard
                    let label = rest.prefixMatch(
                        of: /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/
                    )
                else { return nil }
                if labels.updateValue(String(label.2), forKey: String(label.1)) != nil {
                    return nil
                }
                rest = rest[label.range.upperBound...]
            }
            return Sample(name: String(match.1), labels: labels, value: value)
        }

        func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
            samples.first { $0.name == name && $0.labels == labels }?.value
        }
    }

    @Test("a checker of pages sees what is wrong with one")
    func planted() {
        let good = ["# HELP a_total x y", "# TYPE a_total counter", #"a_total{l="q\"\\\n"} 1"#]
        #expect(Page(good).faults.isEmpty)
        let sample = good[2]
        for bad in [
            good + [sample], ["# TYPE a_total counter", sample], good + ["b 1"],
            good.dropLast() + [#"a_total{l="""} 1"#], good.dropLast() + ["a_total one"],
            ["# HELP a x y", "# TYPE a counter", "a 1"], good + good,
        ] {
            #expect(!Page(bad).faults.isEmpty, "\(bad)")
        }
    }

    @Test("the page is well-formed, documented, and says what happened")
    func page() async throws {
        try await withNode { upstream in
            try await upstream.require("sandbox add up --listen 127.0.0.1:0 --network corp")
            try await upstream.require("endpoint add --network corp --name www --ip 10.9.9.9")
            let server = try #require(try await upstream.places()["up"])
            let place = "127.0.0.1:\(try Self.freePort())"
            var start = Node.Start(environment: ["WAGGLE_METRICS_LISTEN": place])
            start.flags = ["--upstream", server]
            try await withNode(start) { node in
                try await node.require("sandbox add box --listen 127.0.0.1:0 --network mynet")
                try await node.require("endpoint add --network mynet --name web --ip 10.0.1.5")
                let client = try Client(try #require(try await node.places()["box"]))
                for _ in 0..<70 { #expect(try await client.resolves("web.mynet")) }
                for _ in 0..<3 { #expect(try await client.resolves("www.corp")) }
                #expect(try await client.ask("nope.corp")?.responseCode == 3)
                let page = try await Self.page(place)
                #expect(page.faults.isEmpty)
                Self.judge(page, server: server)
                Self.judgeDocumentation(page)
            }
        }
    }

    private static func judge(_ page: Page, server: String) {
        let box = ["sandbox": "box"]
        let upstream = ["upstream": server, "sandbox": ""]
        let rows: [(String, [String: String], Double)] = [
            ("waggle_dns_sandbox_queries_total", box, 74),
            ("waggle_dns_sandbox_local_answers_total", box, 70),
            ("waggle_dns_sandbox_cache_answers_total", box, 2),
            ("waggle_dns_sandbox_forwarded_total", box, 2),
            ("waggle_dns_sandbox_nxdomain_total", box, 1),
            ("waggle_dns_sandbox_servfail_total", box, 0),
            ("waggle_dns_cache_answers_total", ["kind": "fresh"], 2),
            ("waggle_dns_forward_replies_total", ["rcode": "NOERROR"], 3),
            ("waggle_dns_forward_replies_total", ["rcode": "NXDOMAIN"], 1),
            ("waggle_dns_cache_entries", [:], 2),
            ("waggle_dns_forward_in_flight", [:], 0),
            ("waggle_dns_upstream_up", upstream, 1),
            ("waggle_dns_upstream_asked_total", upstream, 2),
            ("waggle_dns_upstream_replies_total", upstream, 2),
            ("waggle_dns_upstream_failures_total", upstream, 0),
            ("waggle_dns_upstream_duration_seconds_count", [:], 2),
            ("waggle_dns_duration_seconds_count", ["source": "upstream"], 2),
            ("waggle_dns_query_log_total", ["event": "taken"], 0),
        ]
        for (name, labels, wanted) in rows {
            #expect(page.value(name, labels) == wanted, "\(name) \(labels)")
        }
        // One batch in 64, and the first of them; how many questions that is, is a matter of timing.
        #expect(page.value("waggle_dns_duration_seconds_count", ["source": "here"]) ?? 0 >= 1)
        #expect(page.value("waggle_dns_upstream_round_trip_seconds", upstream) ?? 0 > 0)
        for source in ["here", "upstream"] {
            let buckets = page.samples.filter {
                $0.name == "waggle_dns_duration_seconds_bucket" && $0.labels["source"] == source
            }
            let values = buckets.map { $0.value }
            #expect(values == values.sorted() && buckets.last?.labels["le"] == "+Inf")
            let labels = ["source": source]
            #expect(values.last == page.value("waggle_dns_duration_seconds_count", labels))
        }
    }

    /// The table of docs/operations and the page name the same families.
    private static func judgeDocumentation(_ page: Page) {
        let text = Folder.text(Repository.root.appending(path: "docs/operations/README.md").path)
        let named = text.split(separator: "\n").filter { $0.hasPrefix("| `waggle_") }.flatMap {
            line in
            let cell = line.split(separator: "|")[0]
            return cell.split(separator: "`").map { String($0) }.filter { $0.hasPrefix("waggle_") }
        }
        #expect(Set(named) == page.helps)
        #expect(Set(page.types.keys) == page.helps)
    }

    private static func page(_ place: String) async throws -> Page {
        let words = [Tool.python, Repository.fixture("get.py"), place, "/metrics"]
        let outcome = try await run(words)
        #expect(outcome.lines.first == "200")
        return Page(outcome.lines.dropFirst())
    }

    private static func freePort() throws -> UInt16 {
        let anyPort = SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0)
        let socket = try Sockets.listener(boundTo: anyPort, shared: false)
        return try Sockets.localEndpoint(of: socket.raw).port
    }
}
