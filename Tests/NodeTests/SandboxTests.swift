import Foundation
import Glibc
import Testing

@Suite(
    "Sandboxes",
    Requirement.namespaces,
    Requirement.tools("dig", Tool.python),
    .inTurn,
    .timeLimit(.minutes(10))
)
struct SandboxTests {
    @Test("a process's namespace is served, by UDP and TCP")
    func byProcess() async throws {
        try await withNode { node in
            try await withBackground(["unshare", "--net", "sleep", "60"]) { sleeper in
                try await sleeper.hasEnteredNamespace()
                try await node.require("sandbox add box --pid \(sleeper.pid) --network mynet")
                try await Self.addWeb(node)
                for flag in ["+notcp", "+tcp"] {
                    let reply = try await run([
                        "nsenter", "--net=/proc/\(sleeper.pid)/ns/net",
                        "dig", "+short", flag, "@127.0.0.11", "web",
                    ])
                    #expect(reply.lines == ["10.0.1.5"], "\(flag): \(reply)")
                }
            }
        }
    }

    @Test("a plain address serves loopback, the networks' blocks and --allow; others get REFUSED")
    func byAddress() async throws {
        try await withNamespace { home in
            try await withNamespace { guests in
                try await home.connect("192.0.2.1/24", to: guests, "192.0.2.2/24")
                for address in ["198.51.100.2/32", "10.0.1.77/32"] {
                    try await require("ip -n \(guests.name) address add \(address) dev eth0")
                    try await require("ip -n \(home.name) route add \(address) dev eth0")
                }
                try await withNode(.init(prefix: home.inside)) { node in
                    try await node.require(
                        "sandbox add plain --listen 192.0.2.1:5300 --network mynet --allow"
                            + " 192.0.2.0/24"
                    )
                    try await Self.addWeb(node)
                    for transport in ["+notcp", "+tcp"] {
                        for (source, code) in [
                            ("192.0.2.2", "NOERROR"), ("10.0.1.77", "NOERROR"),
                            ("198.51.100.2", "REFUSED"),
                        ] {
                            let reply = try await guests.run(
                                "dig \(transport) -b \(source) -p 5300 @192.0.2.1 web"
                            )
                            #expect(reply.output.contains("status: \(code)"), "\(source) \(reply)")
                            #expect(reply.output.contains("10.0.1.5") == (code == "NOERROR"))
                        }
                    }
                }
            }
        }
    }

    @Test("--redirect leads UDP and TCP to a high port, and its rules go with the sandbox")
    func redirect() async throws {
        try await withNode { node in
            try await withNamespace { space in
                try await node.require(
                    "sandbox add box --netns \(space.path) --network mynet --redirect"
                )
                try await Self.addWeb(node)
                try await Self.expectWeb(space)
                #expect(try await space.rules().contains("dnat to 127.0.0.11"))
                let listening = try await space.run("ss -Hlnut")
                #expect(!listening.output.contains("127.0.0.11:53 "), "\(listening)")
                // Port 53 is free for the container's own server.
                let holder = Repository.fixture("hold.py")
                try await withBackground(
                    space.inside + [Tool.python, holder, "0.0.0.0", "53"]
                ) { program in
                    #expect(await eventually(within: 5) { program.output.contains("held 53") })
                    try await Self.expectWeb(space)
                }
                try await node.require("sandbox rm box")
                #expect(try await space.rules().isEmpty)
            }
        }
    }

    @Test(
        "where something holds port 53 the redirect is taken by itself",
        arguments: ["0.0.0.0", "127.0.0.11"]
    )
    func fallback(address: String) async throws {
        try await withNode { node in
            try await withNamespace { space in
                let words = [Tool.python, Repository.fixture("hold.py"), address, "53"]
                try await withBackground(space.inside + words) { holder in
                    #expect(await eventually(within: 5) { holder.output.contains("held 53") })
                    try await node.require("sandbox add box --netns \(space.path) --network mynet")
                    try await Self.addWeb(node)
                    try await Self.expectWeb(space)
                    // The new daemon's port is another one, and the old rules must not stay.
                    try await node.restart(SIGTERM)
                    try await Self.expectWeb(space)
                    #expect(try await space.rules().components(separatedBy: "dnat").count == 3)
                    try await node.require("sandbox rm box")
                    #expect(try await space.rules().isEmpty)
                }
            }
        }
    }

    @Test("a namespace has one sandbox, by whatever name it is called")
    func oneEach() async throws {
        try await withNode { node in
            try await withNamespace { space in
                try await node.require("sandbox add first --netns \(space.path) --network mynet")
                try await Self.addWeb(node)
                try await withBackground(space.inside + ["sleep", "60"]) { sleeper in
                    try await sleeper.hasEnteredNamespace()
                    let second = try await node.waggle(
                        "sandbox add second --pid \(sleeper.pid) --network other"
                    )
                    #expect(second.status == 1, "\(second)")
                    #expect(second.error.contains("sandbox first serves this namespace"))
                    #expect(second.complaints.count == 1)
                }
                try await Self.expectWeb(space)
                #expect(try await space.rules().isEmpty)
                #expect(try await node.sandboxes() == ["first": "serving"])
            }
        }
    }

    @Test("an internal sandbox forwards nothing, another one asks its own upstream")
    func upstreams() async throws {
        try await withNode { node in
            try await Self.withUpstream(node) { upstream in
                let open = try await Self.listen(node, "open", ["--upstream", upstream])
                let closed = try await Self.listen(
                    node,
                    "closed",
                    ["--upstream", upstream, "--internal"]
                )
                for flag in ["+notcp", "+tcp"] {
                    let known = try await Self.dig(open, "www.example.net", [flag, "+short"])
                    #expect(known.lines == ["192.0.2.80"], "\(flag): \(known)")
                    let unknown = try await Self.dig(open, "nope.example.net", [flag])
                    #expect(unknown.output.contains("status: NXDOMAIN"), "\(unknown)")
                    let refused = try await Self.dig(closed, "www.example.net", [flag])
                    #expect(refused.output.contains("status: REFUSED"), "\(refused)")
                }
            }
        }
    }

    @Test("forwarded questions leave no descriptor behind, answered or not")
    func forwardedDescriptors() async throws {
        try await withNode { node in
            try await Self.withUpstream(node) { upstream in
                let port = try await Self.listen(node, "box", ["--upstream", upstream])
                let pid = try node.pid
                let before = ProcessView.descriptors(of: pid).count
                for domain in ["example.net", "nope.example"] {
                    let names = (0..<60).map { "h\($0).\(domain)" }
                    let words = ["dig", "-p", port, "@127.0.0.1", "+noall", "+comments"] + names
                    let reply = try await run(words)
                    #expect(reply.output.components(separatedBy: "NXDOMAIN").count == 61)
                }
                #expect(
                    await eventually(within: 5) {
                        ProcessView.descriptors(of: pid).count <= before
                    }
                )
            }
        }
    }

    @Test("a silent upstream costs the client less than 4.5 s, and then it is told SERVFAIL")
    func silence() async throws {
        try await withNode { node in
            let holder = [Tool.python, Repository.fixture("hold.py"), "127.0.0.1", "0"]
            try await withBackground(holder) { silent in
                #expect(await eventually(within: 5) { silent.output.hasPrefix("held") })
                let port = silent.output.split { $0.isWhitespace }.last ?? ""
                let place = try await Self.listen(node, "box", ["--upstream", "127.0.0.1:\(port)"])
                let patience = ["+time=10", "+tries=1"]
                async let stream = Self.dig(place, "www.example.net", ["+tcp"] + patience)
                async let datagram = Self.dig(place, "www.example.org", patience)
                for reply in [try await stream, try await datagram] {
                    #expect(reply.output.contains("status: SERVFAIL"), "\(reply)")
                    // As dig saw it: when dig itself runs is no matter of the daemon's.
                    let words = reply.output.split { $0.isWhitespace }
                    let time = words.firstIndex(of: "time:").map { words[$0 + 1] }
                    #expect((time.flatMap { Int($0) } ?? .max) < 4500, "\(reply)")
                }
            }
        }
    }

    // MARK: -

    /// An upstream that knows www.example.net, at the address given to `body`.
    private static func withUpstream(
        _ node: Node,
        _ body: (String) async throws -> Void
    ) async throws {
        let portFile = node.folder.file("upstream.port")
        let script = Repository.root.appending(path: "fixtures/demo/upstream.py").path
        try await withBackground([Tool.python, script, portFile]) { _ in
            #expect(await eventually(within: 5) { !Folder.text(portFile).isEmpty })
            try await body("127.0.0.1:\(Folder.text(portFile))")
        }
    }

    private static func addWeb(_ node: Node) async throws {
        try await node.require("endpoint add --network mynet --name web --ip 10.0.1.5")
    }

    /// The resolver inside answers over both transports.
    private static func expectWeb(_ space: Namespace) async throws {
        for flag in ["+notcp", "+tcp"] {
            let reply = try await space.run("dig +short +time=3 \(flag) @127.0.0.11 web")
            #expect(reply.lines == ["10.0.1.5"], "\(flag): \(reply)")
        }
    }

    /// A sandbox on a free port of loopback; the port.
    private static func listen(
        _ node: Node,
        _ name: String,
        _ flags: [String]
    ) async throws -> String {
        let words = ["sandbox", "add", name, "--listen", "127.0.0.1:0", "--network", "mynet"]
        let added = try await node.waggle(words + flags)
        guard added.status == 0 else { throw HarnessError("\(added)") }
        return String(try await node.places()[name]?.split(separator: ":").last ?? "")
    }

    private static func dig(
        _ port: String,
        _ name: String,
        _ flags: [String]
    ) async throws -> Outcome {
        try await run(["dig", "-p", port, "@127.0.0.1", name] + flags)
    }
}
