import Base
import Daemon
import Foundation
import Names
import Testing

@Suite("resolv.conf rewritten")
struct ResolvConfRewriteTests {
    private static func address(_ text: String) throws -> IPAddress {
        try #require(IPAddress(text))
    }

    private static func choice(_ text: String, sandbox: Bool = false) throws -> UpstreamChoice {
        UpstreamChoice(
            try #require(SocketEndpoint(text, defaultPort: 53)),
            fromSandbox: sandbox
        )
    }

    private static func rewrite(
        _ original: String?,
        _ change: (inout ResolvConfRewrite.Circumstances) throws -> Void = { _ in }
    ) throws -> ResolvConfRewrite {
        var circumstances = ResolvConfRewrite.Circumstances(path: "/c/resolv.conf")
        circumstances.hostServers = [try address("10.1.1.1"), try address("10.1.1.2")]
        try change(&circumstances)
        return ResolvConfRewrite(original, circumstances)
    }

    @Test("the file of H7: our address, search and options kept, the servers in a comment")
    func whole() throws {
        let result = try Self.rewrite(
            """
            # from the host
            nameserver 10.1.1.1
            nameserver 10.1.1.2
            search corp.example
            options timeout:2
            """
        )
        #expect(
            result.text == """
                nameserver 127.0.0.11
                search corp.example
                options timeout:2 ndots:0

                # Based on host file: '/c/resolv.conf' (internal resolver)
                # ExtServers: [host(10.1.1.1) host(10.1.1.2)]
                # Overrides: []
                # Option ndots from: internal
                # Written by Waggle; what stood here comes back when the container goes.

                """
        )
        #expect(
            try result.upstreams == [Self.choice("10.1.1.1"), Self.choice("10.1.1.2")]
        )
        #expect(result.warnings == [])
    }

    @Test(
        "what is said of search, options and the rest",
        arguments: [
            // An ndots that the file has is its own affair (H7).
            ("options ndots:2 rotate", ["options ndots:2 rotate", "ndots from: host"]),
            ("options ndots:x rotate", ["options rotate ndots:0\n", "ndots from: internal"]),
            ("options a\noptions b", ["options a b ndots:0\n"]),
            ("domain one.example\nsearch two.example Three", ["search two.example Three\n"]),
            ("search one\ndomain two", ["search two\n"]),
            ("search bad..name ok", ["search bad..name ok\n"]),
            ("sortlist 10.0.0.0/8\nfamily inet6", ["sortlist 10.0.0.0/8\nfamily inet6\n"]),
            ("lookup file bind\r", ["lookup file bind\n"]),
            ("nameserver dns.example", ["Invalid nameservers: [dns.example]"]),
            ("", ["nameserver 127.0.0.11\noptions ndots:0\n\n"]),
        ]
    )
    func lines(original: String, parts: [String]) throws {
        let text = try Self.rewrite(original).text
        for part in parts { #expect(text.contains(part), "\(text)") }
        #expect(text.hasPrefix("nameserver 127.0.0.11\n"))
        #expect(text.components(separatedBy: "\nnameserver ").count == 1)
    }

    @Test(
        "servers of the host and loopback are asked from the host, others from the container",
        arguments: [
            ("nameserver 10.1.1.1", ["10.1.1.1"], [false]),
            ("nameserver 127.0.0.53", ["127.0.0.53"], [false]),
            ("nameserver ::1", ["::1"], [false]),
            ("nameserver 9.9.9.9\nnameserver 10.1.1.2", ["9.9.9.9", "10.1.1.2"], [true, false]),
            ("nameserver 127.0.0.11", [], []),
            ("nameserver fe80::1%eth0\nnameserver 9.9.9.9", ["9.9.9.9"], [true]),
            (
                "nameserver 9.9.9.1\nnameserver 9.9.9.2\nnameserver 9.9.9.3\nnameserver 9.9.9.4",
                ["9.9.9.1", "9.9.9.2", "9.9.9.3"], [true, true, true]
            ),
        ]
    )
    func servers(original: String, addresses: [String], inside: [Bool]) throws {
        let result = try Self.rewrite(original)
        #expect(result.upstreams.map { "\($0.address.address)" } == addresses)
        #expect(result.upstreams.map { $0.fromSandbox } == inside)
        let shown = zip(addresses, inside).map { $1 ? $0 : "host(\($0))" }
        let comment =
            shown.isEmpty
            ? "# NO EXTERNAL NAMESERVERS DEFINED\n"
            : "# ExtServers: [\(shown.joined(separator: " "))]\n"
        #expect(result.text.contains(comment), "\(result.text)")
    }

    @Test("servers named by hand take the place of the file's, and the comment says so")
    func named() throws {
        let result = try Self.rewrite("nameserver 10.1.1.1") { circumstances in
            circumstances.named = [
                try Self.choice("192.0.2.53:5353"), try Self.choice("9.9.9.9", sandbox: true),
            ]
        }
        #expect(result.text.contains("# ExtServers: [host(192.0.2.53:5353) 9.9.9.9]\n"))
        #expect(result.text.contains("# Overrides: [nameservers]\n"))
        #expect(result.upstreams.map { "\($0.address.address)" } == ["10.1.1.1"])
    }

    @Test("a file without servers tells of the daemon's, which are asked then")
    func defaults() throws {
        let result = try Self.rewrite(nil) { circumstances in
            circumstances.defaults = [try Self.choice("192.0.2.1")]
        }
        #expect(result.text.contains("# ExtServers: [host(192.0.2.1)]\n"))
        #expect(result.upstreams == [])
    }

    @Test("what is written reads as one server, and is written the same again")
    func again() throws {
        let original = "nameserver 10.1.1.1\nsearch a b\noptions rotate\nfamily inet\n"
        let once = try Self.rewrite(original).text
        let twice = try Self.rewrite(once)
        #expect(twice.upstreams == [])
        let end = "\n\n#"
        #expect(once.components(separatedBy: end)[0] == twice.text.components(separatedBy: end)[0])
    }

    @Test("a path cannot leave its comment")
    func path() throws {
        let result = try Self.rewrite(nil) { $0.path = "/a\nnameserver 6.6.6.6" }
        #expect(result.text.contains("'/a?nameserver 6.6.6.6'"))
        #expect(ResolvConf(result.text).nameServers == [])
    }
}

@Suite("hosts file")
struct HostsFileTests {
    private static let usual = """
        127.0.0.1\tlocalhost
        ::1\tlocalhost ip6-localhost ip6-loopback
        fe00::\tip6-localnet
        ff00::\tip6-mcastprefix
        ff02::1\tip6-allnodes
        ff02::2\tip6-allrouters

        """

    @Test(
        "the container's own name is added, what stands there stays",
        arguments: [
            (nil, "web", Self.usual + "10.0.1.5\tweb\n"),
            ("", "web.example.org", Self.usual + "10.0.1.5\tweb.example.org web\n"),
            ("127.0.0.1 localhost", "web", "127.0.0.1 localhost\n10.0.1.5\tweb\n"),
            (
                "127.0.0.1 localhost\n10.0.1.5 other web # x\n", "web",
                "127.0.0.1 localhost\n10.0.1.5 other web # x\n"
            ),
            (
                "127.0.0.1 localhost\n10.0.1.5 other # web\n", "web",
                "127.0.0.1 localhost\n10.0.1.5 other # web\n10.0.1.5\tweb\n"
            ),
            ("# localhost\n", "web", Self.usual + "# localhost\n10.0.1.5\tweb\n"),
            ("127.0.0.1 localhost\n", nil, "127.0.0.1 localhost\n"),
        ] as [(String?, String?, String)]
    )
    func names(original: String?, hostname: String?, expected: String) throws {
        let address = try #require(IPAddress("10.0.1.5"))
        let text = HostsFile.text(original, hostname: hostname, addresses: [address])
        #expect(text == expected)
        #expect(HostsFile.text(text, hostname: hostname, addresses: [address]) == text)
    }
}
