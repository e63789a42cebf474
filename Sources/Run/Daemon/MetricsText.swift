import Base
import GossipNode
import HTTPAPI
import NameServer
import Names

/// What `/metrics` says; docs/operations lists the families.
struct MetricsText {
    private typealias Counter = WorkerCounters.Counter
    typealias Sample = MetricsWriter.Sample

    private let workers: [WorkerCounters]
    var writer = MetricsWriter()

    static func text(_ state: borrowing ControlState, _ ring: RingReading? = nil) -> String {
        var text = MetricsText(workers: state.server.counters)
        let sights = Sights(state.server.look())
        text.writeQuestions()
        text.writeForwarding(sights)
        text.writeUpstreams(sights)
        text.writeSandboxes(state.sandboxTallies)
        text.writeDurations()
        text.writeWork()
        if let ring { text.write(ring) }
        if let tables = ring?.counts.tables {
            text.write(
                tables,
                state.registry.discovery,
                remote: state.registry.endpoints.remoteCount
            )
        }
        text.writeStatus(state.status)
        return text.writer.text
    }

    private init(workers: [WorkerCounters]) {
        self.workers = workers
    }

    private func sum(_ counter: Counter) -> UInt64 {
        workers.reduce(0) { $0 &+ $1[counter] }
    }

    /// A family of counters that one label tells apart.
    private mutating func counters(
        _ name: String,
        _ help: String,
        _ label: String,
        _ list: [(value: String, counter: Counter)]
    ) {
        writer.family(
            name,
            .counter,
            help,
            list.map { Sample([(label, $0.value)], sum($0.counter)) }
        )
    }

    private mutating func counter(_ name: String, _ help: String, _ counter: Counter) {
        writer.family(name, .counter, help, [Sample([], sum(counter))])
    }

    // MARK: Questions and replies

    private mutating func writeQuestions() {
        counters(
            "waggle_dns_queries_total",
            "Questions received.",
            "transport",
            [("udp", .datagramQueries), ("tcp", .streamQueries)]
        )
        counters(
            "waggle_dns_replies_total",
            "Replies made here, by response code; those of upstreams are forward replies.",
            "rcode",
            [
                ("NOERROR", .noError), ("FORMERR", .formErr), ("SERVFAIL", .servFail),
                ("NXDOMAIN", .nxDomain), ("NOTIMP", .notImp), ("REFUSED", .refused),
                ("NOTAUTH", .notAuth), ("BADVERS", .badVers),
            ]
        )
        counters(
            "waggle_dns_dropped_total",
            "Messages left unanswered.",
            "reason",
            [
                ("short", .droppedShort), ("response", .droppedResponse),
                ("too_long", .droppedTooLong), ("source", .droppedSource),
                ("no_view", .droppedNoView), ("unsent", .repliesUnsent),
            ]
        )
        counters(
            "waggle_dns_faults_total",
            "Messages that do not parse.",
            "reason",
            [
                ("opcode", .faultOpcode), ("question_count", .faultQuestionCount),
                ("question", .faultQuestion), ("section_counts", .faultSectionCounts),
                ("records", .faultRecords), ("edns", .faultEDNS), ("trailing", .faultTrailing),
                ("version", .faultVersion), ("signed", .faultSigned),
            ]
        )
        counters(
            "waggle_dns_streams_total",
            "TCP connections, by what became of them.",
            "event",
            [
                ("accepted", .streamsAccepted), ("refused", .streamsRefused),
                ("evicted", .streamsEvicted), ("timed_out", .streamsTimedOut),
                ("fault", .streamFaults),
            ]
        )
        counter("waggle_dns_local_answers_total", "Answers from local names.", .localAnswers)
        counter("waggle_dns_truncated_total", "Replies cut at the client's limit.", .truncated)
    }

    // MARK: Forwarding

    private mutating func writeForwarding(_ sights: Sights) {
        counters(
            "waggle_dns_forward_total",
            "Questions forwarded, and what became of them.",
            "event",
            [
                ("asked", .forwarded), ("answered", .forwardAnswers),
                ("failed", .forwardFailures), ("limited", .forwardLimited),
                ("looped", .forwardLoops), ("mismatch", .upstreamMismatch),
                ("malformed", .upstreamMalformed), ("unreachable", .upstreamUnreachable),
            ]
        )
        counters(
            "waggle_dns_forward_replies_total",
            "Replies of upstreams that clients were given, fresh or kept.",
            "rcode",
            [
                ("NOERROR", .givenNoError), ("NXDOMAIN", .givenNXDomain),
                ("SERVFAIL", .givenServFail), ("other", .givenOther),
            ]
        )
        writer.family(
            "waggle_dns_forward_in_flight",
            .gauge,
            "Questions on their way to upstreams.",
            [Sample([], sights.exchangeCount)]
        )
        counters(
            "waggle_dns_cache_answers_total",
            "Answers from kept replies.",
            "kind",
            [("fresh", .cacheHits), ("stale", .cacheStale), ("failure", .cacheFailures)]
        )
        counter(
            "waggle_dns_cache_refreshes_total",
            "Kept replies asked for anew before their end.",
            .cacheRefreshes
        )
        writer.family(
            "waggle_dns_cache_evictions_total",
            .counter,
            "Kept replies that went before their end for want of room.",
            [Sample([], sights.cacheEvictions)]
        )
        for (name, value, help) in [
            ("waggle_dns_cache_entries", sights.cacheCount, "Replies kept."),
            ("waggle_dns_cache_octets", sights.cacheOctets, "Octets of the replies kept."),
        ] {
            writer.family(name, .gauge, help, [Sample([], value)])
        }
    }

    private mutating func writeUpstreams(_ sights: Sights) {
        counters(
            "waggle_dns_upstream_messages_total",
            "Questions sent to upstreams.",
            "transport",
            [("udp", .upstreamDatagrams), ("tcp", .upstreamStreams)]
        )
        func samples(_ value: (Sights.UpstreamTotal) -> UInt64) -> [Sample] {
            sights.upstreams.map { Sample(Self.labels($0.upstream), value($0)) }
        }
        writer.family(
            "waggle_dns_upstream_up",
            .gauge,
            "Whether an upstream is asked in its turn (1) or last (0).",
            samples { $0.isDown ? 0 : 1 }
        )
        writer.family(
            "waggle_dns_upstream_asked_total",
            .counter,
            "Attempts at an upstream.",
            samples { $0.asked }
        )
        writer.family(
            "waggle_dns_upstream_replies_total",
            .counter,
            "Replies of an upstream that settled a question.",
            samples { $0.replies }
        )
        writer.family(
            "waggle_dns_upstream_failures_total",
            .counter,
            "Attempts that brought silence, an error, or a reply of no use.",
            samples { $0.failures }
        )
        writer.family(
            "waggle_dns_upstream_round_trip_seconds",
            .gauge,
            "Smoothed round trip to an upstream; 0 before its first reply.",
            sights.upstreams.map {
                Sample(
                    Self.labels($0.upstream),
                    seconds: Double($0.roundTripMicroseconds) / 1e6
                )
            }
        )
    }

    private static func labels(_ upstream: Upstream) -> [(name: String, value: String)] {
        [("upstream", "\(upstream.address)"), ("sandbox", upstream.source.sandbox ?? "")]
    }

    // MARK: Sandboxes

    private mutating func writeSandboxes(_ tallies: [(name: String?, tally: SandboxTally)]) {
        let families: [(String, String, SandboxCounters.Counter)] = [
            ("queries", "Questions received from a sandbox.", .questions),
            ("local_answers", "Answers to a sandbox from local names.", .local),
            ("cache_answers", "Answers to a sandbox from kept replies.", .kept),
            ("forwarded", "Questions of a sandbox that were forwarded.", .forwarded),
            ("nxdomain", "Replies to a sandbox that say that there is no such name.", .nxDomain),
            ("servfail", "Replies to a sandbox that say that something failed.", .servFail),
            ("refused", "Replies to a sandbox that refuse its question.", .refused),
        ]
        for (name, help, counter) in families {
            writer.family(
                "waggle_dns_sandbox_\(name)_total",
                .counter,
                help,
                // No sandbox has an empty name: that is for those that are counted together.
                tallies.map { Sample([("sandbox", $0.name ?? "")], $0.tally[counter]) }
            )
        }
    }

    // MARK: Time and work

    private mutating func writeDurations() {
        var answering = DurationHistogram.Reading()
        var forwarding = DurationHistogram.Reading()
        var roundTrips = DurationHistogram.Reading()
        for worker in workers {
            answering.add(worker.answering)
            forwarding.add(worker.forwarding)
            roundTrips.add(worker.roundTrips)
        }
        writer.histogram(
            "waggle_dns_duration_seconds",
            "From a question to its reply: made here (one batch in 64), or by an upstream (each).",
            [([("source", "here")], answering), ([("source", "upstream")], forwarding)]
        )
        writer.histogram(
            "waggle_dns_upstream_duration_seconds",
            "From an attempt at an upstream to its reply.",
            [([], roundTrips)]
        )
    }

    private mutating func writeWork() {
        counters(
            "waggle_dns_query_log_total",
            "Questions picked for the query log.",
            "event",
            [("taken", .queriesLogged), ("dropped", .queryLogDropped)]
        )
        counters(
            "waggle_dns_system_calls_total",
            "System calls of the workers' main path; questions by receives is the batch size.",
            "call",
            [("epoll_wait", .waits), ("recvmmsg", .receives), ("sendmmsg", .sends)]
        )
    }

    private mutating func writeStatus(_ status: StatusReport) {
        for (name, value, help) in [
            ("waggle_sandboxes", status.sandboxCount, "Sandboxes known."),
            ("waggle_endpoints", status.endpointCount, "Endpoints known."),
            ("waggle_networks", status.networkCount, "Networks this node is attached to."),
            ("waggle_names", status.nameCount, "Names that exist locally."),
            ("waggle_problems", status.problems.count, "Things that do not work as asked."),
            ("waggle_uptime_seconds", status.uptimeSeconds, "Seconds since the start."),
        ] {
            writer.family(name, .gauge, help, [Sample([], value)])
        }
    }
}
