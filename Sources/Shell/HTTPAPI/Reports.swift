import Base

/// What the GET routes answer with. Keys are stable and always there; what has no value is null.
/// docs/api.md shows each document.

/// The answer of `GET status`.
package struct StatusReport: Sendable, Hashable {
    /// Whether a plane works.
    package enum Plane: String, Sendable, Hashable {
        case serving, off, failed
    }

    package var version: String
    package var nodeName: String
    package var names = Plane.serving
    package var gossip = Plane.off
    package var cluster = Plane.off
    package var sandboxCount = 0
    package var endpointCount = 0
    /// Endpoints that other nodes have, on networks that this one is on.
    package var remoteEndpointCount = 0
    package var networkCount = 0
    package var nameCount = 0
    package var uptimeSeconds = 0
    package var stateDirectory = ""
    package var socket = ""
    /// `waggle` or `docker`.
    package var profile = ""
    package var upstreams: [String] = []
    /// Rises with every change; what `?watch=` takes.
    package var index: UInt64 = 0
    /// One sentence each; empty when all is well.
    package var problems: [String] = []

    package init(version: String, nodeName: String) {
        self.version = version
        self.nodeName = nodeName
    }

    package var json: JSONValue {
        [
            "version": .string(version),
            "node": ["name": .string(nodeName)],
            "planes": [
                "names": .string(names.rawValue), "gossip": .string(gossip.rawValue),
                "cluster": .string(cluster.rawValue),
            ],
            "counts": [
                "sandboxes": .integer(sandboxCount), "endpoints": .integer(endpointCount),
                "remoteEndpoints": .integer(remoteEndpointCount),
                "networks": .integer(networkCount), "names": .integer(nameCount),
            ],
            "uptimeSeconds": .integer(uptimeSeconds),
            "stateDirectory": .string(stateDirectory),
            "socket": .string(socket),
            "profile": .string(profile),
            "upstreams": .strings(upstreams),
            "index": .integer(index),
            "problems": .strings(problems),
        ]
    }
}

/// Who brought a sandbox or endpoint, and so who may remove it.
package enum ReportOrigin: String, Sendable, Hashable {
    case command, file, ring
}

/// One element of `GET sandboxes`.
package struct SandboxReport: Sendable, Hashable {
    package enum State: String, Sendable, Hashable {
        case serving, waiting, failed
    }

    package var request: SandboxRequest
    package var origin: ReportOrigin
    package var state: State
    /// Why it does not serve.
    package var error: String?
    /// Where its resolver listens, `127.0.0.11:53` in a namespace.
    package var address: String?
    /// The servers that its resolv.conf named before it was rewritten.
    package var foundUpstreams: [UpstreamSpec]

    package init(
        request: SandboxRequest,
        origin: ReportOrigin,
        state: State,
        error: String? = nil,
        address: String? = nil,
        foundUpstreams: [UpstreamSpec] = []
    ) {
        self.request = request
        self.origin = origin
        self.state = state
        self.error = error
        self.address = address
        self.foundUpstreams = foundUpstreams
    }

    package var json: JSONValue {
        var kind: JSONValue
        var netns = JSONValue.null
        var pid = JSONValue.null
        var listen = JSONValue.null
        switch request.place {
        case .netns(let path): (kind, netns) = ("netns", .string(path))
        case .pid(let id): (kind, pid) = ("pid", .integer(id))
        case .listen(let socket): (kind, listen) = ("listen", .string(socket.description))
        }
        var report: JSONValue = [
            "name": .string(request.name), "kind": kind, "netns": netns, "pid": pid,
            "listen": listen, "networks": .strings(request.networks),
            "upstreams": .array(request.upstreams.map { $0.json }),
            "allow": .strings(request.allow.map { $0.description }),
            "internal": .bool(request.isInternal), "redirect": .bool(request.redirect),
            "origin": .string(origin.rawValue), "state": .string(state.rawValue),
            "error": .optional(error), "address": .optional(address),
            "resolvConfUpstreams": .array(foundUpstreams.map { $0.json }),
        ]
        request.files.report(in: &report)
        return report
    }
}

/// One element of `GET endpoints`.
package struct EndpointReport: Sendable, Hashable {
    package var id: String
    package var request: EndpointRequest
    package var origin: ReportOrigin
    package var isDrained: Bool
    package var ageSeconds: Int
    /// For a tie by time: seconds until it ends.
    package var secondsLeft: Int?

    package init(
        id: String,
        request: EndpointRequest,
        origin: ReportOrigin,
        isDrained: Bool,
        ageSeconds: Int,
        secondsLeft: Int? = nil
    ) {
        self.id = id
        self.request = request
        self.origin = origin
        self.isDrained = isDrained
        self.ageSeconds = ageSeconds
        self.secondsLeft = secondsLeft
    }

    package var json: JSONValue {
        [
            "id": .string(id), "network": .string(request.network), "name": .string(request.name),
            "ip": .optional(request.ip?.description), "ip6": .optional(request.ip6?.description),
            "service": .optional(request.service), "serviceId": .optional(request.serviceID),
            "vip": .optional(request.vip?.description),
            "vip6": .optional(request.vip6?.description),
            "aliases": .strings(request.aliases), "taskAliases": .strings(request.taskAliases),
            "containerId": .optional(request.containerID),
            "ports": .strings(request.ports.map { $0.description }), "tie": tie,
            "drained": .bool(isDrained), "origin": .string(origin.rawValue),
            "ageSeconds": .integer(ageSeconds),
        ]
    }

    private var tie: JSONValue {
        switch request.tie {
        case .none: ["kind": "static"]
        case .sandbox(let name): ["kind": "sandbox", "sandbox": .string(name)]
        case .pid(let pid): ["kind": "pid", "pid": .integer(pid)]
        case .ttl(let seconds):
            [
                "kind": "ttl", "ttl": .integer(seconds),
                "secondsLeft": secondsLeft.map { .integer($0) } ?? .null,
            ]
        }
    }
}

/// One element of `GET networks`.
package struct NetworkReport: Sendable, Hashable {
    package var name: String
    package var isAttached: Bool
    package var subnets: [String]
    package var endpointCount: Int
    /// Endpoints that other nodes have there.
    package var remoteEndpointCount: Int
    package var sandboxCount: Int
    package var nameCount: Int

    package init(
        name: String,
        isAttached: Bool,
        subnets: [String],
        endpointCount: Int,
        remoteEndpointCount: Int = 0,
        sandboxCount: Int,
        nameCount: Int
    ) {
        self.name = name
        self.isAttached = isAttached
        self.subnets = subnets
        self.endpointCount = endpointCount
        self.remoteEndpointCount = remoteEndpointCount
        self.sandboxCount = sandboxCount
        self.nameCount = nameCount
    }

    package var json: JSONValue {
        [
            "name": .string(name), "attached": .bool(isAttached), "subnets": .strings(subnets),
            "endpoints": .integer(endpointCount),
            "remoteEndpoints": .integer(remoteEndpointCount),
            "sandboxes": .integer(sandboxCount), "names": .integer(nameCount),
        ]
    }
}

/// One element of `GET records`: a name and one of its values.
package struct RecordReport: Sendable, Hashable {
    package var network: String
    package var name: String
    /// The mnemonic.
    package var type: String
    /// In presentation form.
    package var value: String
    package var ttlSeconds: Int
    /// How a record came here.
    package enum Path: String, Sendable, Hashable {
        /// This node has it itself.
        case own
        /// A datagram, a stream of somebody who had much to say, or an exchange of tables.
        case gossip, push, sync
    }

    /// The name of the node that has the endpoint.
    package var owner: String
    package var path: Path
    /// Another binding of the service stands, so that it is not answered.
    package var isOverruled = false
    package var ageSeconds: Int
    package var isDrained: Bool
    /// Tied to nothing.
    package var isStatic: Bool
    /// The id of the endpoint it comes from; nil for a service's virtual address.
    package var endpoint: String?

    package init(
        network: String,
        name: String,
        type: String,
        value: String,
        ttlSeconds: Int,
        owner: String,
        path: Path = .own,
        ageSeconds: Int,
        isDrained: Bool,
        isStatic: Bool,
        endpoint: String?
    ) {
        self.network = network
        self.name = name
        self.type = type
        self.value = value
        self.ttlSeconds = ttlSeconds
        self.owner = owner
        self.path = path
        self.ageSeconds = ageSeconds
        self.isDrained = isDrained
        self.isStatic = isStatic
        self.endpoint = endpoint
    }

    package var json: JSONValue {
        [
            "network": .string(network), "name": .string(name), "type": .string(type),
            "value": .string(value), "ttl": .integer(ttlSeconds), "owner": .string(owner),
            "path": .string(path.rawValue),
            "ageSeconds": .integer(ageSeconds), "drained": .bool(isDrained),
            "static": .bool(isStatic), "overruled": .bool(isOverruled),
            "endpoint": .optional(endpoint),
        ]
    }
}

/// The answer of `GET explain`: how a question is decided, step by step.
package struct ExplainReport: Sendable, Hashable {
    /// One step: what was tried and what came of it.
    package struct Step: Sendable, Hashable {
        package var what: String
        package var detail: String

        package init(_ what: String, _ detail: String) {
            self.what = what
            self.detail = detail
        }
    }

    /// What it comes to.
    package enum Verdict: String, Sendable, Hashable {
        case answer
        /// An answer that names another name, where the search goes on.
        case alias
        case noData
        case nxDomain
        case refused
        case forward
        /// It should be forwarded, and there is nobody to ask.
        case noUpstream

        /// In words, for people.
        var words: String {
            switch self {
            case .answer, .alias, .refused, .forward: rawValue
            case .noData: "no data"
            case .nxDomain: "no such name"
            case .noUpstream: "no upstream"
            }
        }
    }

    package var name: String
    package var type: String
    package var sandbox: String
    package var steps: [Step]
    package var verdict: Verdict
    package var rcode: String
    /// Records in presentation form.
    package var answers: [String]

    package init(
        name: String,
        type: String,
        sandbox: String,
        steps: [Step],
        verdict: Verdict,
        rcode: String,
        answers: [String]
    ) {
        self.name = name
        self.type = type
        self.sandbox = sandbox
        self.steps = steps
        self.verdict = verdict
        self.rcode = rcode
        self.answers = answers
    }

    /// The whole report for people, one line per step.
    package var text: String {
        let width = steps.map { $0.what.count }.max() ?? 0
        var lines = ["\(name) \(type) in \(sandbox)"]
        for step in steps {
            let gap = String(repeating: " ", count: width - step.what.count + 2)
            lines.append("  \(step.what)\(gap)\(step.detail)")
        }
        lines.append("\(verdict.words), \(rcode)")
        lines += answers.map { "  \($0)" }
        return lines.joined(separator: "\n")
    }

    package var json: JSONValue {
        [
            "question": ["name": .string(name), "type": .string(type)],
            "sandbox": .string(sandbox),
            "steps": .array(
                steps.map { ["what": .string($0.what), "detail": .string($0.detail)] }
            ),
            "verdict": .string(verdict.rawValue), "rcode": .string(rcode),
            "answers": .strings(answers),
            "text": .string(text),
        ]
    }
}
