import Base
import HTTPAPI
import LinuxSystem
import NameServer
import Names

/// `GET top`: the busiest names, sandboxes and upstreams.
extension ControlState {
    /// Names that are told of.
    private static let topNamesMax = 50

    var top: TopReport {
        let now = Clock.now()
        let counters = server.counters
        func sum(_ list: [WorkerCounters.Counter]) -> UInt64 {
            counters.reduce(0) { sum, own in list.reduce(sum) { $0 &+ own[$1] } }
        }
        let sample = runningNameSample
        var report = TopReport(
            atMicroseconds: now.nanoseconds / 1000,
            uptimeSeconds: Int(now.milliseconds(since: startedAt) / 1000),
            nameSample: sample,
            questions: sum([.datagramQueries, .streamQueries]),
            dropped: sum([
                .droppedShort, .droppedResponse, .droppedTooLong, .droppedSource, .droppedNoView,
                .repliesUnsent,
            ])
        )
        let sights = Sights(server.look())
        report.names = sights.names.prefix(Self.topNamesMax).map { name in
            TopReport.Name(
                name: "\(name.name)",
                questions: name.count &* UInt64(sample),
                excess: name.excess &* UInt64(sample)
            )
        }
        report.sandboxes = sandboxTallies.map { name, tally in
            var sandbox = TopReport.Sandbox(name: name ?? "others")
            sandbox.questions = tally[.questions]
            sandbox.local = tally[.local]
            sandbox.cached = tally[.kept]
            sandbox.forwarded = tally[.forwarded]
            sandbox.nxDomain = tally[.nxDomain]
            sandbox.servFail = tally[.servFail]
            sandbox.refused = tally[.refused]
            return sandbox
        }.sorted { ($1.questions, $0.name) < ($0.questions, $1.name) }
        report.upstreams = sights.upstreams.map { total in
            var upstream = TopReport.Upstream(
                address: RequestMapping.spec(UpstreamChoice(total.upstream.address)).description,
                sandbox: total.upstream.source.sandbox
            )
            upstream.isDown = total.isDown
            upstream.questions = total.asked
            upstream.replies = total.replies
            upstream.failures = total.failures
            upstream.roundTripMicroseconds = total.roundTripMicroseconds
            return upstream
        }
        return report
    }

    /// What was counted for each sandbox, by name; without a name for those that are counted
    /// together, if there are any.
    var sandboxTallies: [(name: String?, tally: SandboxTally)] {
        var tallies: [(name: String?, tally: SandboxTally)] = []
        var areMore = false
        for name in registry.sandboxes.keys.sorted() {
            guard let state = sandboxStates[name] else { continue }
            if let tally = server.tally(slot: state.slot) {
                tallies.append((name, tally))
            } else {
                areMore = true
            }
        }
        if areMore { tallies.append((nil, server.otherTally)) }
        return tallies
    }
}

extension Upstream.Source {
    /// The sandbox from whose namespace it is asked.
    var sandbox: String? {
        switch self {
        case .host: nil
        case .sandbox(let name): name
        }
    }
}
