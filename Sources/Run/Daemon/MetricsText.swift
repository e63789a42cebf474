import Base
import HTTPAPI
import NameServer

/// The Prometheus text of `/metrics` (exposition format 0.0.4).
enum MetricsText {
    private typealias Counter = WorkerCounters.Counter

    static func text(_ state: borrowing ControlState) -> String {
        var out = ""
        let workers = state.server.counters
        func sum(_ counter: Counter) -> UInt64 {
            workers.reduce(0) { $0 &+ $1[counter] }
        }
        family(&out, "waggle_dns_queries_total", "counter", "Questions received.") {
            [
                ("transport=\"udp\"", sum(.datagramQueries)),
                ("transport=\"tcp\"", sum(.streamQueries)),
            ]
        }
        family(
            &out,
            "waggle_dns_replies_total",
            "counter",
            "Replies made here, by response code; those of upstreams are forward answers."
        ) {
            let codes: [(String, Counter)] = [
                ("NOERROR", .noError), ("FORMERR", .formErr), ("SERVFAIL", .servFail),
                ("NXDOMAIN", .nxDomain), ("NOTIMP", .notImp), ("REFUSED", .refused),
                ("NOTAUTH", .notAuth), ("BADVERS", .badVers),
            ]
            return codes.map { ("rcode=\"\($0.0)\"", sum($0.1)) }
        }
        family(&out, "waggle_dns_dropped_total", "counter", "Messages left unanswered.") {
            let reasons: [(String, Counter)] = [
                ("short", .droppedShort), ("response", .droppedResponse),
                ("too_long", .droppedTooLong), ("source", .droppedSource),
                ("no_view", .droppedNoView), ("unsent", .repliesUnsent),
            ]
            return reasons.map { ("reason=\"\($0.0)\"", sum($0.1)) }
        }
        family(&out, "waggle_dns_faults_total", "counter", "Messages that do not parse.") {
            let reasons: [(String, Counter)] = [
                ("opcode", .faultOpcode), ("question_count", .faultQuestionCount),
                ("question", .faultQuestion), ("section_counts", .faultSectionCounts),
                ("records", .faultRecords), ("edns", .faultEDNS),
                ("trailing", .faultTrailing), ("version", .faultVersion),
                ("signed", .faultSigned),
            ]
            return reasons.map { ("reason=\"\($0.0)\"", sum($0.1)) }
        }
        family(&out, "waggle_dns_forward_total", "counter", "Questions forwarded, by outcome.") {
            [
                ("event=\"asked\"", sum(.forwarded)),
                ("event=\"answered\"", sum(.forwardAnswers)),
                ("event=\"failed\"", sum(.forwardFailures)),
                ("event=\"mismatch\"", sum(.upstreamMismatch)),
                ("event=\"malformed\"", sum(.upstreamMalformed)),
                ("event=\"unreachable\"", sum(.upstreamUnreachable)),
            ]
        }
        family(
            &out,
            "waggle_dns_streams_total",
            "counter",
            "TCP connections, by what became of them."
        ) {
            [
                ("event=\"accepted\"", sum(.streamsAccepted)),
                ("event=\"refused\"", sum(.streamsRefused)),
                ("event=\"timed_out\"", sum(.streamsTimedOut)),
                ("event=\"fault\"", sum(.streamFaults)),
            ]
        }
        family(&out, "waggle_dns_local_answers_total", "counter", "Answers from local names.") {
            [("", sum(.localAnswers))]
        }
        family(&out, "waggle_dns_truncated_total", "counter", "Replies cut at the client's limit.")
        {
            [("", sum(.truncated))]
        }
        family(
            &out,
            "waggle_dns_system_calls_total",
            "counter",
            "System calls of the workers' main path; questions by receives is the batch size."
        ) {
            [
                ("call=\"epoll_wait\"", sum(.waits)), ("call=\"recvmmsg\"", sum(.receives)),
                ("call=\"sendmmsg\"", sum(.sends)),
            ]
        }
        let status = state.status
        for (name, value, help) in [
            ("waggle_sandboxes", status.sandboxCount, "Sandboxes known."),
            ("waggle_endpoints", status.endpointCount, "Endpoints known."),
            ("waggle_networks", status.networkCount, "Networks this node is attached to."),
            ("waggle_names", status.nameCount, "Names that exist locally."),
            ("waggle_problems", status.problems.count, "Things that do not work as asked."),
            ("waggle_uptime_seconds", status.uptimeSeconds, "Seconds since the start."),
        ] {
            family(&out, name, "gauge", help) { [("", UInt64(value))] }
        }
        return out
    }

    private static func family(
        _ out: inout String,
        _ name: String,
        _ kind: String,
        _ help: String,
        _ samples: () -> [(labels: String, value: UInt64)]
    ) {
        out += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
        for sample in samples() {
            let labels = sample.labels.isEmpty ? "" : "{\(sample.labels)}"
            out += "\(name)\(labels) \(sample.value)\n"
        }
    }
}
