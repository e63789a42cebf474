import Base
import Daemon
import Testing

@Suite("resolv.conf")
struct ResolvConfTests {
    @Test("a usual file")
    func usual() throws {
        let conf = ResolvConf(
            """
            # made by hand
            nameserver 192.0.2.53
            nameserver 2001:db8::53
            search Corp.Example example.net
            options timeout:2 ndots:3 rotate
            """
        )
        #expect(
            conf.nameServers.map(\.endpoint.description) == ["192.0.2.53:53", "[2001:db8::53]:53"]
        )
        #expect(conf.search.map(\.description) == ["corp.example", "example.net"])
        #expect(conf.ndots == 3)
        #expect(conf.options == ["timeout:2", "ndots:3", "rotate"])
        #expect(conf.warnings == [])
    }

    @Test(
        "odd lines cost at most a warning",
        arguments: [
            ("nameserver 10.0.0.1 10.0.0.2", ["10.0.0.1", "10.0.0.2"], 1),
            ("nameserver\t10.0.0.1  # main", ["10.0.0.1"], 0),
            ("nameserver 10.0.0.1;second", ["10.0.0.1"], 0),
            ("  nameserver 10.0.0.1\r\nnameserver 10.0.0.2", ["10.0.0.1", "10.0.0.2"], 0),
            ("nameserver 127.0.0.11\nnameserver 10.0.0.1", ["10.0.0.1"], 1),
            ("nameserver 10.0.0.1\nnameserver 10.0.0.1", ["10.0.0.1"], 0),
            ("nameserver 0.0.0.0\nnameserver ::", [], 2),
            ("nameserver", [], 1),
            ("nameserver dns.example", [], 1),
            ("nameserver 10.0.0.1:53", [], 1),
            ("nameserver fe80::1%", [], 1),
            ("nameserverx 10.0.0.1\n\u{0}\u{1}", [], 2),
            ("search a..b\nsortlist 10.0.0.0", [], 1),
            ("options ndots:x", [], 1),
            ("", [], 0),
        ]
    )
    func odd(text: String, servers: [String], warnings: Int) {
        let conf = ResolvConf(text)
        #expect(conf.nameServers.map(\.endpoint.address.description) == servers)
        #expect(conf.warnings.count == warnings)
    }

    @Test("a link-local server keeps its interface")
    func scope() throws {
        let server = try #require(ResolvConf("nameserver fe80::1%eth0").nameServers.first)
        #expect(server.scope == "eth0")
        #expect(server.endpoint.description == "[fe80::1]:53")
    }

    @Test("the last search or domain line wins")
    func search() {
        #expect(ResolvConf("search a b\ndomain c").search.map(\.description) == ["c"])
        #expect(ResolvConf("search a\nsearch").search == [])
        #expect(ResolvConf("search . a a").search.map(\.description) == ["a"])
    }

    @Test("ndots is cut as in glibc")
    func ndots() {
        #expect(ResolvConf("options ndots:99").ndots == 15)
        #expect(ResolvConf("options ndots:-1").ndots == nil)
        #expect(ResolvConf("options rotate").ndots == nil)
    }
}
