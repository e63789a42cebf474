import Foundation

/// All rows of one run, and the goals they are held against.
final class Run {
    static let parts = ["local", "docker", "sandboxes", "names", "forwarding", "limit"]

    private let field: Field
    private let rounds: Int
    private let milliseconds: Int
    private let names: Int
    private var goals: [Goal] = []

    init(field: Field, rounds: Int, milliseconds: Int, names: Int) {
        self.field = field
        self.rounds = rounds
        self.milliseconds = milliseconds
        self.names = names
    }

    /// Whether no ceiling was broken.
    func all(_ parts: [String]) throws -> Bool {
        print(
            "CPU of the server's threads per answered question in microseconds, median, least and"
        )
        print(
            "most of \(rounds) interleaved rounds of \(milliseconds) ms. `x first`: the median of the"
        )
        print("ratios within each round, to the first server of the row.")
        print()
        for line in Results.heading { print(line) }
        if parts.contains("local") || parts.contains("docker") { try local(parts) }
        if parts.contains("sandboxes") { try sandboxes() }
        if parts.contains("names") { try manyNames() }
        if parts.contains("forwarding") { try forwarding() }
        var notes: [String] = []
        if parts.contains("limit") { notes = try limit() }
        print()
        for line in notes + goals.map({ $0.line }) { print(line) }
        return !goals.contains { $0.isBroken }
    }

    @discardableResult
    private func measure(_ title: String, _ load: Load, _ entries: [Entry]) throws -> Results {
        var load = load
        load.milliseconds = milliseconds
        let results = try Row(title: title, load: load, entries: entries).run(rounds: rounds)
        for line in results.lines { print(line) }
        return results
    }

    private func hold(_ what: String, _ value: Double?, goal: Double, ceiling: Double) {
        goals.append(Goal(what: what, value: value, goal: goal, ceiling: ceiling))
    }

    private static func load(burst: Int, rate: Int) -> Load {
        Load(burst: burst, rate: rate, milliseconds: 0)
    }

    private func octets(_ questions: Questions, _ peer: Peer) throws -> Int {
        var place = peer.place
        place.addresses = 1
        return try Load(sockets: 1, burst: 1, rate: 1000, milliseconds: 20)
            .run(questions, at: place).replyOctets
    }

    // MARK: Local names

    /// Names of a service and of a container, beside an echo and servers by others.
    private func local(_ parts: [String]) throws {
        guard let ours = try field.startWaggle() else { return absent() }
        let rivals = try field.startRivals()
        for (name, questions) in [("1 record", Field.one), ("3 records", Field.three)] {
            guard let echo = try field.startEcho(replyOctets: try octets(questions, ours)) else {
                continue
            }
            let peers = [echo, ours] + rivals
            let entries = peers.map { Entry($0, questions) }
            if parts.contains("local") { try local(name, questions, entries) }
            if parts.contains("docker"), name == "3 records" { try docker(entries) }
            echo.stop()
        }
        ours.stop()
        for rival in rivals { rival.stop() }
    }

    private func local(_ name: String, _ questions: Questions, _ entries: [Entry]) throws {
        let title = "local A, \(name), "
        let bursts = try measure(
            title + "32 at once, 100,000/s",
            Self.load(burst: 32, rate: 100_000),
            entries
        )
        if name == "1 record" { return }
        hold(
            "\(bursts.title): CPU over the echo's",
            bursts.cpu("echo (C)"),
            goal: 1.1,
            ceiling: 1.4
        )
        for rival in entries.dropFirst(2).map({ $0.label }) {
            hold("the same over \(rival)'s", bursts.cpu(rival), goal: 1, ceiling: 1.15)
        }
        try measure(title + "4 at once, 50,000/s", Self.load(burst: 4, rate: 50_000), entries)
        try measure(title + "evenly, 20,000/s", Self.load(burst: 1, rate: 20_000), entries)
        let turns = try measure(
            title + "one after the other",
            Self.load(burst: 1, rate: 0),
            entries
        )
        hold(
            "\(turns.title): round trip over the echo's",
            turns.ratio("waggle", to: "echo (C)") { $0.p50 },
            goal: 1.15,
            ceiling: 1.3
        )
        hold("the same: CPU over the echo's", turns.cpu("echo (C)"), goal: 1.1, ceiling: 1.6)
        try halfLoad(title, bursts, entries)
    }

    /// Latency with half of what the slower of knotd and ours can take by its CPU.
    private func halfLoad(_ title: String, _ bursts: Results, _ entries: [Entry]) throws {
        let chosen = entries.filter { ["echo (C)", "waggle", "knotd"].contains($0.label) }
        let slowest = chosen.compactMap { bursts.medianCPU($0.label) }.max() ?? 5
        let rate = Int(500_000 / slowest) / 5000 * 5000
        var load = Self.load(burst: 8, rate: rate)
        load.sockets = 4
        load.spins = true
        let results = try measure(title + "half load, 8 at once, \(rate)/s", load, chosen)
        for (name, value) in [
            ("p50", { (sample: Sample) in sample.p50 }),
            ("p99", { (sample: Sample) in sample.p99 }),
        ] {
            hold(
                "half load: \(name) over knotd's",
                results.ratio("waggle", to: "knotd", value),
                goal: 1.05,
                ceiling: 1.5
            )
        }
    }

    /// All servers at a rate that dockerd's resolver can take.
    private func docker(_ entries: [Entry]) throws {
        do {
            let docker = try DockerField(in: field.folder)
            defer { docker.stop() }
            guard let resolver = docker.resolver else { return }
            let results = try measure(
                "local A, 3 records, 32 at once, 4,000/s",
                Self.load(burst: 32, rate: 4000),
                entries + [Entry(resolver, Field.three)]
            )
            hold("the same over dockerd's", results.cpu("dockerd"), goal: 1 / 3, ceiling: 0.45)
        } catch let error as DockerField.Absence {
            print("dockerd is left out: \(error.reason)")
        }
    }

    // MARK: Many

    private func sandboxes() throws {
        let wishes = Field.Wishes(sandboxes: 1000)
        guard let ours = try field.startWaggle("waggle, 1,000", wishes),
            let echo = try field.startEcho(
                replyOctets: try octets(Field.three, ours),
                addresses: wishes.sandboxes
            )
        else { return absent() }
        let results = try measure(
            "1,000 sandboxes, each 5/s",
            Self.load(burst: 1, rate: 5 * wishes.sandboxes),
            [Entry(echo, Field.three), Entry(ours, Field.three)]
        )
        hold(
            "\(results.title): CPU over an epoll echo's",
            results.ratio(ours.name, to: echo.name) { $0.cpu },
            goal: 1.10,
            ceiling: 1.6
        )
        ours.stop()
        echo.stop()
    }

    /// The same server asked for ten of its names, and for all of them alike.
    private func manyNames() throws {
        guard let ours = try field.startWaggle("waggle, many", .init(names: names)) else {
            return absent()
        }
        let few = Questions((0..<10).map { "h\($0).many" })
        let all = Questions((0..<names).shuffled().map { "h\($0).many" })
        let results = try measure(
            "\(names) names, 32 at once, 50,000/s",
            Self.load(burst: 32, rate: 50_000),
            [Entry(ours, few, label: "ten of them"), Entry(ours, all, label: "all of them")]
        )
        hold(
            "\(names) names asked alike: CPU over that of ten",
            results.ratio("all of them", to: "ten of them") { $0.cpu },
            goal: 1.15,
            ceiling: 2
        )
        ours.stop()
    }

    // MARK: Names of others

    /// Names that are kept, beside local ones; and names that are not, beside two relays.
    private func forwarding() throws {
        guard let lasting = try field.startUpstream(ttl: 3600),
            let fleeting = try field.startUpstream(ttl: 0),
            let keeping = try field.startWaggle("keeping", .init(upstream: lasting.place.port)),
            let ours = try field.startWaggle("waggle", .init(upstream: fleeting.place.port)),
            let shared = try field.startRelay(upstream: fleeting.place.port, isFresh: false),
            let fresh = try field.startRelay(upstream: fleeting.place.port, isFresh: true)
        else { return absent() }
        let kept = try measure(
            "kept A, 32 at once, 50,000/s",
            Self.load(burst: 32, rate: 50_000),
            [
                Entry(keeping, Field.one, label: "waggle, local"),
                Entry(keeping, Questions(["one.upst"]), label: "waggle, kept"),
            ]
        )
        hold(
            "\(kept.title): CPU over a local one's",
            kept.ratio("waggle, kept", to: "waggle, local") { $0.cpu },
            goal: 1.5,
            ceiling: 1.8
        )
        // Each name once in a round: nothing is shared, and a TTL of 0 lets nothing be kept.
        let names = Questions((0..<50_000).map { "h\($0).up" })
        let asked = try measure(
            "forwarded A, 4 at once, 5,000/s",
            Self.load(burst: 4, rate: 5000),
            [shared, fresh, ours].map { Entry($0, names) }
        )
        hold(
            "\(asked.title): CPU over a relay's with one socket",
            asked.cpu(shared.name),
            goal: 1.5,
            ceiling: 6
        )
        hold(
            "the same over a relay's with fresh sockets",
            asked.cpu(fresh.name),
            goal: 1.5,
            ceiling: 3
        )
        let turns = try measure(
            "forwarded A, one after the other",
            Self.load(burst: 1, rate: 0),
            [fleeting, shared, fresh, ours].map { Entry($0, names) }
        )
        for relay in [shared, fresh] {
            hold(
                "\(turns.title): added latency over that of \(relay.name)",
                turns.added(ours.name, over: fleeting.name, than: relay.name),
                goal: 1.5,
                ceiling: 4
            )
        }
        for peer in [lasting, fleeting, keeping, ours, shared, fresh] { peer.stop() }
    }

    /// An upstream that answers nobody until `forwardLimit` questions wait, and one question more.
    private func limit() throws -> [String] {
        // One more than each is a whole number of milliseconds at this rate.
        let rate = 25_000
        return try [1024, 9999].map { limit in
            guard let upstream = try field.startUpstream(ttl: 0, hold: limit),
                let ours = try field.startWaggle(
                    "waggle, \(limit)",
                    .init(upstream: upstream.place.port, forwardLimit: limit)
                )
            else { return "- forwardLimit: not measured here" }
            let names = Questions((0...limit).map { "h\($0).up" }, hasEDNS: true)
            var load = Self.load(burst: 1, rate: rate)
            load.milliseconds = (limit + 1) * 1000 / rate
            load.isPatient = true
            let outcome = try load.run(names, at: ours.place)
            upstream.stop()
            ours.stop()
            hold(
                "forwardLimit \(limit): questions in flight at once, less or more than it",
                Double(abs(limit - outcome.answered)),
                goal: 0,
                ceiling: 0
            )
            return "- forwardLimit \(limit): \(outcome.sent) asked at once of an upstream that "
                + "answers when it has \(limit): \(outcome.answered) answered, "
                + "\(outcome.wrong) refused, \(outcome.explained) of them with a reason"
        }
    }

    private func absent() {
        print(
            "waggle: bench: \(NameServerBenchmarks.waggle) does not answer; `make build` builds it"
        )
    }
}

extension Results {
    /// What `waggle` costs over what another does.
    func cpu(_ other: String) -> Double? { ratio("waggle", to: other) { $0.cpu } }

    func medianCPU(_ server: String) -> Double? {
        labels.firstIndex(of: server).map { Self.median(samples[$0].map { $0.cpu }) }
    }
}
