import Base
import HTTPAPI
import Names

/// Why a question is answered as it is: the same search that answers questions, with its steps
/// written down, so that the explanation cannot differ from the answer.
extension ControlState {
    mutating func explanation(
        of name: DomainName,
        _ type: RecordType,
        in sandbox: Sandbox
    ) -> ExplainReport {
        let view = view(of: sandbox)
        var key = NameKey(seed: registry.seed)
        key.load(name)
        let (verdict, found) = view.explanation(key, type: type, in: registry.tables)
        var steps: [ExplainReport.Step] = [
            .init(
                "networks",
                view.networks.isEmpty
                    ? "none" : view.networks.map { "\($0.name)" }.joined(separator: ", then ")
            )
        ]
        steps += found.map(Self.step)
        let outcome = self.outcome(verdict, of: name, view, records(found, type))
        steps += outcome.steps
        steps += recordsBehind(name, view)
        return ExplainReport(
            name: "\(name)",
            type: "\(type)",
            sandbox: sandbox.name,
            steps: steps,
            verdict: outcome.verdict,
            rcode: outcome.rcode,
            answers: outcome.answers
        )
    }

    private static func step(_ step: SearchStep) -> ExplainReport.Step {
        switch step {
        case .special(let why): .init("special name", why)
        case .lookedUp(let name, let network, let found):
            .init("network \(network)", "\(name): \(found ? "found" : "no such name")")
        case .apex(let network):
            .init("network \(network)", "the question names the network itself")
        case .zone(let name, let found):
            .init("zone files", "\(name): \(found ? "found" : "no such name")")
        case .chose(let type, let count):
            .init("records", "\(count) of type \(type), in random order")
        case .lacks(let type): .init("records", "the name exists and has none of type \(type)")
        case .ours(let why): .init("authority", "the name is ours to deny: \(why)")
        case .reverse(let block, let why): .init("reverse", "\(block) is ours: \(why)")
        case .notOurs: .init("authority", "nothing local knows the name or owns it")
        }
    }

    private struct Outcome {
        var verdict: ExplainReport.Verdict
        var rcode: String
        var answers: [String] = []
        var steps: [ExplainReport.Step] = []
    }

    private func outcome(
        _ verdict: Verdict,
        of name: DomainName,
        _ view: View,
        _ set: RecordSet?
    ) -> Outcome {
        switch verdict {
        case .answer:
            return Outcome(
                verdict: .answer,
                rcode: "NOERROR",
                answers: Self.answers(set, of: name)
            )
        case .alias(_, let target):
            return Outcome(
                verdict: .alias,
                rcode: "NOERROR",
                answers: Self.answers(set, of: name),
                steps: [.init("alias", "the search goes on at \(target)")]
            )
        case .synthetic(let synthetic):
            return Outcome(
                verdict: .answer,
                rcode: "NOERROR",
                answers: ["\(Self.owner(name)) \(Self.text(synthetic, view))"]
            )
        case .noData:
            return Outcome(verdict: .noData, rcode: "NOERROR")
        case .nxDomain:
            return Outcome(verdict: .nxDomain, rcode: "NXDOMAIN")
        case .refuse(.internalSandbox):
            let code = view.profile == .docker ? "SERVFAIL" : "REFUSED"
            return Outcome(
                verdict: .refused,
                rcode: code,
                steps: [.init("forwarding", "the sandbox is internal: nothing is asked outside")]
            )
        case .refuse(.transfer):
            return Outcome(verdict: .refused, rcode: "REFUSED")
        case .refuse(.obsoleteType):
            return Outcome(verdict: .refused, rcode: "NOTIMP")
        case .forward(let group) where group.upstreams.isEmpty:
            return Outcome(
                verdict: .noUpstream,
                rcode: "SERVFAIL",
                steps: [.init("forwarding", "no upstream is configured")]
            )
        case .forward(let group):
            let list = group.upstreams.map(Self.text).joined(separator: ", then ")
            return Outcome(
                verdict: .forward,
                rcode: "as the upstream says",
                steps: [.init("forwarding", "asked: \(list)")]
            )
        }
    }

    private static func text(_ upstream: Upstream) -> String {
        switch upstream.source {
        case .host: "\(upstream.address)"
        case .sandbox(let name): "\(upstream.address) from inside \(name)"
        }
    }

    /// The record set that a search has come to by these steps.
    private func records(_ steps: [SearchStep], _ type: RecordType) -> RecordSet? {
        var records: NameRecords?
        var chosen = type
        for step in steps {
            switch step {
            case .lookedUp(let name, let network, found: true):
                records = registry.records(of: name, in: network)
            case .zone(let name, found: true), .apex(let name):
                records = registry.zone.names[name]
            case .chose(let type, _): chosen = type
            default: break
            }
        }
        return records?.sets.first { $0.type == chosen }
    }

    private static func answers(_ set: RecordSet?, of name: DomainName) -> [String] {
        guard let set else { return [] }
        return set.data.map { "\(owner(name)) \(set.ttl) IN \(set.type) \($0.text)" }
    }

    private static func owner(_ name: DomainName) -> String {
        name.isRoot ? "." : "\(name)."
    }

    /// A record that is made up on the spot, behind its owner.
    private static func text(_ synthetic: Synthetic, _ view: View) -> String {
        let negative = view.negativeTTL
        switch synthetic {
        case .loopback(let type): return "3600 IN \(type) \(type == .a ? "127.0.0.1" : "::1")"
        case .loopbackPointer: return "3600 IN PTR localhost."
        case .networkSOA(let index):
            let zone = view.networks[index].name
            return "\(negative) IN SOA ns.\(zone). hostmaster.\(zone). 1 60 30 3600 \(negative)"
        case .networkNS(let index):
            return "\(negative) IN NS ns.\(view.networks[index].name)."
        case .resolverAddress:
            let type = if case .v4 = view.resolverAddress { "A" } else { "AAAA" }
            return "\(negative) IN \(type) \(view.resolverAddress)"
        case .minimalAny: return "3600 IN HINFO \"RFC8482\" \"\""
        }
    }

    /// The endpoints that gave the name its records, with owner and age.
    private func recordsBehind(_ name: DomainName, _ view: View) -> [ExplainReport.Step] {
        for network in view.networks.map({ $0.name }) {
            let relative = name.relative(to: network) ?? name
            let own = Set([relative, name]).sorted().flatMap { recordReports(of: $0, in: network) }
            if own.isEmpty { continue }
            return own.prefix(Self.recordsShownMax).map { record in
                let marks =
                    (record.path == .own ? "" : ", by \(record.path.rawValue)")
                    + (record.isDrained ? ", drained" : "")
                    + (record.isOverruled
                        ? ", not answered: the service stands with other addresses" : "")
                let source = record.endpoint.map { "endpoint \($0)" } ?? "a zone file"
                return .init(
                    "record",
                    "\(record.type) \(record.value) from \(source) of node \(record.owner), "
                        + "\(record.ageSeconds) s old\(marks)"
                )
            }
        }
        return []
    }

    /// An explanation is for reading.
    private static let recordsShownMax = 50
}
