import Base
import Daemon
import HTTPAPI
import Testing

/// Loads `text` as the file `/etc/waggle/waggle.json`, or no file for nil.
func load(
    _ text: String? = nil,
    environment: [String: String] = [:],
    isRoot: Bool = true,
    hostName: String = "host1",
    flags: (inout Configuration.Flags) -> Void = { _ in }
) throws(ConfigurationError) -> Configuration {
    var given = Configuration.Flags()
    flags(&given)
    return try Configuration.load(
        file: text == nil ? nil : "/etc/waggle/waggle.json",
        flags: given,
        surroundings: .init(environment: environment, isRoot: isRoot, hostName: hostName),
        readFile: { _ in Array((text ?? "").utf8) }
    )
}

/// The message of the error that `body` throws.
func message(_ body: () throws(ConfigurationError) -> Configuration) -> String {
    do {
        _ = try body()
        return "no error"
    } catch {
        return error.description
    }
}

@Suite("Configuration: defaults")
struct ConfigurationDefaultTests {
    @Test("no file, no flag, no variable: a working single node", arguments: [nil, "{}"])
    func defaults(text: String?) throws {
        let configuration = try load(text)
        #expect(configuration.nodeName == "host1")
        #expect(configuration.stateDirectory == "/var/lib/waggle")
        #expect(configuration.api.socket == "/run/waggle/waggle.sock")
        #expect(configuration.api.group == "docker")
        #expect(!configuration.api.isGroupExplicit)
        #expect(configuration.dns.upstreams == nil)
        #expect(configuration.dns.domains == [])
        #expect(configuration.dns.profile == .waggle)
        #expect(configuration.dns.ttl == .init(task: 5, vip: 30, negative: 5))
        #expect(configuration.dns.zoneFiles == [])
        #expect(configuration.dns.forwardLimit == 1024)
        #expect(configuration.dns.cacheEntries == 10000)
        #expect(configuration.dns.threads == 1)
        #expect(configuration.gossip?.bind == SocketEndpoint("127.0.0.1:7946"))
        #expect(configuration.gossip?.profile == .lan)
        #expect(configuration.gossip?.delegate == .networkdb)
        #expect(configuration.cluster == nil)
        #expect(configuration.metrics.listen == SocketEndpoint("127.0.0.1:9353"))
        #expect(!configuration.metrics.isExplicit)
        #expect(configuration.log == .init(level: .info, format: .text))
        #expect(configuration.sandboxes.isEmpty && configuration.endpoints.isEmpty)
        #expect(configuration.networks.isEmpty && configuration.warnings.isEmpty)
    }

    @Test(
        "without root, state and socket are the user's own",
        arguments: [
            (["XDG_STATE_HOME": "/home/a/state", "HOME": "/home/a"], "/home/a/state/waggle"),
            (["HOME": "/home/a"], "/home/a/.local/state/waggle"),
            (["HOME": "/home/a", "XDG_STATE_HOME": "relative"], "/home/a/.local/state/waggle"),
        ]
    )
    func withoutRoot(environment: [String: String], state: String) throws {
        let runtime = environment.merging(["XDG_RUNTIME_DIR": "/run/user/1000"]) { old, _ in old }
        let configuration = try load(environment: runtime, isRoot: false)
        #expect(configuration.stateDirectory == state)
        #expect(configuration.api.socket == "/run/user/1000/waggle.sock")
    }

    @Test("what the machine cannot give has to be given")
    func machine() throws {
        #expect(
            message { () throws(ConfigurationError) in try load(isRoot: false) }
                == """
                configuration: stateDirectory: missing; allowed is an absolute path, or \
                XDG_STATE_HOME or HOME in the environment
                """
        )
        #expect(
            message { () throws(ConfigurationError) in try load(hostName: "(none)") }
                == """
                configuration: node.name: found the host's name "(none)"; allowed is \
                1 to 253 letters, digits, '-', '_', with dots between labels of at most 63
                """
        )
        #expect(try load(hostName: "(none)") { $0.name = "n1" }.nodeName == "n1")
    }

    @Test("Docker's profile has Docker's times to live unless told otherwise")
    func dockerProfile() throws {
        let plain = try load(#"{"dns": {"profile": "docker"}}"#)
        #expect(plain.dns.ttl == .init(task: 600, vip: 600, negative: 5))
        let told = try load(#"{"dns": {"profile": "docker", "ttl": {"vip": 7}}}"#)
        #expect(told.dns.ttl == .init(task: 600, vip: 7, negative: 5))
    }

    @Test(
        "gossip stays on this machine until somebody else is meant",
        arguments: [
            (#"{}"#, "127.0.0.1:7946"),
            (#"{"profile": "wan"}"#, "127.0.0.1:7946"),
            (#"{"join": ["10.9.0.2"]}"#, "0.0.0.0:7946"),
            (#"{"advertise": "10.9.0.1:7946"}"#, "0.0.0.0:7946"),
            (#"{"keys": ["AAAAAAAAAAAAAAAAAAAAAA=="]}"#, "0.0.0.0:7946"),
            (#"{"join": ["10.9.0.2"], "bind": "10.9.0.1:0"}"#, "10.9.0.1:0"),
        ]
    )
    func gossip(section: String, bind: String) throws {
        let configuration = try load(#"{"gossip": \#(section)}"#)
        #expect(configuration.gossip?.bind.description == bind)
    }

    @Test("null switches a plane off, an object switches it on")
    func planes() throws {
        #expect(try load(#"{"gossip": null, "cluster": null}"#).gossip == nil)
        #expect(try load(#"{"gossip": null, "cluster": null}"#).cluster == nil)
        #expect(try load(#"{"cluster": {}}"#).cluster?.listen == SocketEndpoint("0.0.0.0:2377"))
        let metrics = try load(#"{"metrics": {"listen": null}}"#).metrics
        #expect(metrics.listen == nil && metrics.isExplicit)
        #expect(try load(#"{"api": {"group": null}}"#).api.group == nil)
    }
}

@Suite("Configuration: the file")
struct ConfigurationFileTests {
    @Test("every key is read")
    func everything() throws {
        let configuration = try load(
            """
            {
              "node":   { "name": "n1" },
              "stateDirectory": "/srv/waggle",
              "api":    { "socket": "/run/w.sock", "group": "ops" },
              "dns":    { "upstreams": ["192.0.2.53", "[2001:db8::53]:5353",
                                        {"address": "10.1.1.1", "from": "sandbox"}],
                          "domains": { "Corp.Example": ["10.2.0.1:54"], "b": "10.2.0.2" },
                          "profile": "waggle",
                          "ttl": { "task": 0, "vip": 86400, "negative": 1 },
                          "zoneFiles": ["static.zone", "/srv/b.zone"],
                          "forwardLimit": 65535, "cacheEntries": 0, "threads": 64 },
              "gossip": { "bind": "0.0.0.0:7946", "advertise": "10.9.0.1:7946",
                          "join": ["10.9.0.2", "[fd00::2]:7000"], "profile": "wan",
                          "delegate": "serf", "keys": ["AAAAAAAAAAAAAAAAAAAAAA==",
                          "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="] },
              "cluster": { "listen": "0.0.0.0:2377", "advertise": "10.9.0.1:2377" },
              "metrics": { "listen": "[::1]:9000" },
              "log":    { "level": "trace", "format": "json" },
              "sandboxes": [ { "name": "probe", "listen": "127.0.0.1:5300", "networks": ["a"] } ],
              "endpoints": [ { "network": "a", "name": "web.1", "service": "web",
                               "vip": "10.0.1.8", "ip": "10.0.1.5" } ],
              "networks": [ { "name": "a", "subnets": ["10.0.1.0/24"] } ]
            }
            """
        )
        #expect(configuration.nodeName == "n1")
        #expect(configuration.stateDirectory == "/srv/waggle")
        #expect(configuration.api.socket == "/run/w.sock")
        #expect(configuration.api.group == "ops" && configuration.api.isGroupExplicit)
        let upstreams = try #require(configuration.dns.upstreams)
        #expect(upstreams.map(\.server.port) == [53, 5353, 53])
        #expect(upstreams.map(\.fromSandbox) == [false, false, true])
        #expect(configuration.dns.domains.map(\.domain.description) == ["corp.example", "b"])
        #expect(configuration.dns.domains.map(\.upstreams.first?.server.port) == [54, 53])
        #expect(configuration.dns.ttl == .init(task: 0, vip: 86400, negative: 1))
        #expect(configuration.dns.zoneFiles == ["/etc/waggle/static.zone", "/srv/b.zone"])
        #expect(configuration.dns.forwardLimit == 65535)
        #expect(configuration.dns.cacheEntries == 0)
        #expect(configuration.dns.threads == 64)
        let gossip = try #require(configuration.gossip)
        #expect(gossip.join.map(\.description) == ["10.9.0.2:7946", "[fd00::2]:7000"])
        #expect(gossip.profile == .wan && gossip.delegate == .serf)
        #expect(gossip.keys.map(\.description) == ["key of 16 octets", "key of 32 octets"])
        #expect(configuration.cluster?.advertise?.port == 2377)
        #expect(configuration.metrics.listen?.port == 9000 && configuration.metrics.isExplicit)
        #expect(configuration.log == .init(level: .trace, format: .json))
        #expect(configuration.sandboxes.map(\.name) == ["probe"])
        #expect(configuration.endpoints.map(\.name) == ["web.1"])
        #expect(configuration.networks.map(\.subnets.first?.description) == ["10.0.1.0/24"])
    }

    /// The document, the key it is refused for, and the rest of the message.
    @Test(
        "what cannot be is refused, with file, key and what is allowed",
        arguments: [
            ("[]", "the document", "found a list; allowed is an object"),
            (
                #"{"dsn": {}}"#, "dsn",
                "unknown key; allowed are node, stateDirectory, api, dns, gossip, cluster, metrics, log, sandboxes, endpoints, networks"
            ),
            (#"{"node": {"names": "a"}}"#, "node.names", "unknown key; allowed are name"),
            (#"{"node": "a"}"#, "node", #"found "a"; allowed is an object"#),
            (#"{"node": null}"#, "node", "found null; allowed is an object"),
            (
                #"{"node": {"name": "a b"}}"#, "node.name",
                #"found "a b"; allowed is 1 to 253 letters, digits, '-', '_', with dots between labels of at most 63"#
            ),
            (
                #"{"stateDirectory": "state"}"#, "stateDirectory",
                #"found "state"; allowed is an absolute path of at most 4095 octets"#
            ),
            (
                #"{"api": {"socket": "w.sock"}}"#, "api.socket",
                #"found "w.sock"; allowed is an absolute path of at most 107 octets"#
            ),
            (
                #"{"api": {"group": 7}}"#, "api.group",
                "found 7; allowed is the name of a group, or null"
            ),
            (
                #"{"dns": {"upstreams": ["ns.example"]}}"#, "dns.upstreams[0]",
                #"found "ns.example"; allowed is an address, ADDRESS:PORT or [ADDRESS6]:PORT"#
            ),
            (
                #"{"dns": {"upstreams": [{"address": "10.0.0.1", "form": "sandbox"}]}}"#,
                "dns.upstreams[0].form", "unknown key; allowed are address, from"
            ),
            (
                #"{"dns": {"upstreams": ["10.0.0.1", "10.0.0.1:53"]}}"#, "dns.upstreams[1]",
                #"found "10.0.0.1:53" again; allowed is each one once"#
            ),
            (
                #"{"dns": {"domains": {"a..b": "10.0.0.1"}}}"#, "dns.domains.a..b",
                #"found "a..b"; allowed is a domain name as key"#
            ),
            (
                #"{"dns": {"domains": {"a": "10.0.0.1", "A.": "10.0.0.1"}}}"#, "dns.domains.A.",
                #"found "A." again; allowed is each once"#
            ),
            (
                #"{"dns": {"domains": {"a": []}}}"#, "dns.domains.a",
                "found a list; allowed is a list of one upstream or more"
            ),
            (
                #"{"dns": {"profile": "Docker"}}"#, "dns.profile",
                #"found "Docker"; allowed is one of waggle, docker"#
            ),
            (
                #"{"dns": {"ttl": {"task": -1}}}"#, "dns.ttl.task",
                "found -1; allowed is a whole number from 0 to 86400"
            ),
            (
                #"{"dns": {"ttl": {"vip": 86401}}}"#, "dns.ttl.vip",
                "found 86401; allowed is a whole number from 0 to 86400"
            ),
            (
                #"{"dns": {"ttl": {"negative": 1.5}}}"#, "dns.ttl.negative",
                "found 1.5; allowed is a whole number from 0 to 86400"
            ),
            (#"{"dns": {"ttl": 5}}"#, "dns.ttl", "found 5; allowed is an object"),
            (
                #"{"dns": {"zoneFiles": [""]}}"#, "dns.zoneFiles[0]",
                #"found ""; allowed is the path of a file"#
            ),
            (
                #"{"dns": {"forwardLimit": 0}}"#, "dns.forwardLimit",
                "found 0; allowed is a whole number from 1 to 65535"
            ),
            (
                #"{"dns": {"cacheEntries": "10"}}"#, "dns.cacheEntries",
                #"found "10"; allowed is a whole number from 0 to 10000000"#
            ),
            (
                #"{"dns": {"threads": 65}}"#, "dns.threads",
                "found 65; allowed is a whole number from 1 to 64"
            ),
            (
                #"{"gossip": {"bind": "0.0.0.0"}}"#, "gossip.bind",
                #"found "0.0.0.0"; allowed is ADDRESS:PORT or [ADDRESS6]:PORT"#
            ),
            (
                #"{"gossip": {"advertise": "0.0.0.0:7946"}}"#, "gossip.advertise",
                #"found "0.0.0.0:7946"; allowed is ADDRESS:PORT or [ADDRESS6]:PORT that other nodes can reach"#
            ),
            (
                #"{"gossip": {"join": ["10.0.0.1:0"]}}"#, "gossip.join[0]",
                #"found "10.0.0.1:0"; allowed is ADDRESS, ADDRESS:PORT or [ADDRESS6]:PORT"#
            ),
            (
                #"{"gossip": {"join": [\#((1...65).map { #""10.0.0.\#($0)""# }.joined(separator: ","))]}}"#,
                "gossip.join", "found 65 of them; allowed is 64 at most"
            ),
            (
                #"{"gossip": {"profile": "moon"}}"#, "gossip.profile",
                #"found "moon"; allowed is one of lan, wan, local"#
            ),
            (
                #"{"gossip": {"delegate": "consul"}}"#, "gossip.delegate",
                #"found "consul"; allowed is one of networkdb, serf"#
            ),
            (
                #"{"gossip": {"keys": ["c2VjcmV0"]}}"#, "gossip.keys[0]",
                "found a text of 8 characters; allowed is base64 of 16, 24 or 32 octets"
            ),
            (
                #"{"gossip": {"keys": ["AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAA=="]}}"#,
                "gossip.keys[1]", "found a key again; allowed is each key once"
            ),
            (
                #"{"cluster": {"listen": 2377}}"#, "cluster.listen",
                "found 2377; allowed is ADDRESS:PORT or [ADDRESS6]:PORT"
            ),
            (#"{"cluster": true}"#, "cluster", "found true; allowed is an object"),
            (
                #"{"metrics": {"listen": false}}"#, "metrics.listen",
                "found false; allowed is ADDRESS:PORT or [ADDRESS6]:PORT, or null"
            ),
            (
                #"{"log": {"level": "notice"}}"#, "log.level",
                #"found "notice"; allowed is one of trace, debug, info, warning, error"#
            ),
            (
                #"{"log": {"format": "xml"}}"#, "log.format",
                #"found "xml"; allowed is one of text, json"#
            ),
            (#"{"sandboxes": {}}"#, "sandboxes", "found an object; allowed is a list"),
            (
                #"{"sandboxes": [{"name": "a", "networks": ["n"]}]}"#, "sandboxes[0].netns",
                "missing; allowed is exactly one of netns, pid and listen"
            ),
            (
                #"{"sandboxes": [{"name": "a", "listen": "127.0.0.1:5300", "networks": ["n"]}, {"name": "a", "listen": "127.0.0.1:5301", "networks": ["n"]}]}"#,
                "sandboxes[1].name", #"found "a" again; allowed is each one once"#
            ),
            (
                #"{"endpoints": [{"network": "n", "name": "a", "ip": "10.0.0.256"}]}"#,
                "endpoints[0].ip", #"found "10.0.0.256"; allowed is an IPv4 address"#
            ),
            (
                #"{"endpoints": [{"id": "e", "network": "n", "name": "a", "ip": "10.0.0.2"}, {"id": "e", "network": "n", "name": "b", "ip": "10.0.0.3"}]}"#,
                "endpoints[1].id", #"found "e" again; allowed is each one once"#
            ),
            (
                #"{"networks": [{"name": "n", "subnets": ["10.0.0.1/24"]}]}"#,
                "networks[0].subnets[0]",
                #"found "10.0.0.1/24"; allowed is a block such as 10.0.1.0/24 with zero host bits"#
            ),
            (
                #"{"networks": [{"name": "n"}, {"name": "n"}]}"#, "networks[1].name",
                #"found "n" again; allowed is each one once"#
            ),
        ]
    )
    func refused(text: String, key: String, rest: String) {
        let found = message { () throws(ConfigurationError) in try load(text) }
        #expect(found == "configuration /etc/waggle/waggle.json: \(key): \(rest)")
    }

    @Test(
        "a file that is no document is refused with the place",
        arguments: [
            ("{", "line 1, column 2: the document ends too early"),
            ("{\n  \"a\": 1,\n}", "line 3, column 1: found '}', wanted a key in quotes"),
            (
                #"{"dns": {}, "dns": {}}"#,
                #"line 1, column 13: the key "dns" stands twice in one object"#
            ),
            ("", "line 1, column 1: the document ends too early"),
        ]
    )
    func malformed(text: String, rest: String) {
        let found = message { () throws(ConfigurationError) in try load(text) }
        #expect(
            found == "configuration /etc/waggle/waggle.json: \(rest); allowed is one JSON object"
        )
    }

    @Test("a file that cannot be read is refused by name")
    func unreadable() {
        struct Gone: Error, CustomStringConvertible { let description = "no such file" }
        let found = message { () throws(ConfigurationError) in
            try Configuration.load(
                file: "w.json",
                flags: .init(),
                surroundings: .init(environment: [:], isRoot: true, hostName: "h"),
                readFile: { _ in throw Gone() }
            )
        }
        #expect(
            found
                == "configuration w.json: cannot be read: no such file; give a readable file to --config"
        )
    }

    @Test("zone files are relative to the file that names them")
    func zoneFiles() throws {
        func zones(_ file: String, environment: [String: String] = [:]) throws -> [String] {
            try Configuration.load(
                file: file,
                flags: .init(),
                surroundings: .init(environment: environment, isRoot: true, hostName: "h"),
                readFile: { _ in Array(#"{"dns": {"zoneFiles": ["z/a.zone"]}}"#.utf8) }
            ).dns.zoneFiles
        }
        #expect(try zones("/etc/w.json") == ["/etc/z/a.zone"])
        #expect(try zones("conf/w.json") == ["conf/z/a.zone"])
        #expect(try zones("w.json") == ["z/a.zone"])
        #expect(
            try zones("/etc/w.json", environment: ["WAGGLE_DNS_ZONE_FILES": "b.zone"]) == ["b.zone"]
        )
    }

    @Test("a reload names the keys that wait for a restart")
    func reload() throws {
        let running = try load("{}")
        #expect(running.keysAwaitingRestart(running: running) == [])
        let changed = try load(#"{"dns": {"threads": 2, "ttl": {"vip": 1}}, "gossip": null}"#)
        #expect(
            changed.keysAwaitingRestart(running: running) == [
                "dns.threads", "gossip.bind", "gossip.profile", "gossip.delegate",
                "gossip.keys",
            ]
        )
    }
}

@Suite("Configuration: what is watched")
struct ConfigurationWatchTests {
    @Test(
        "log.queries is a number or an object with one, and null is off",
        arguments: [
            ("5", 5), (#"{"sample": 7}"#, 7), ("0", 0), ("null", 0), (#"{"sample": 0}"#, 0),
        ]
    )
    func queries(value: String, sample: Int) throws {
        let configuration = try load(#"{"log": {"queries": \#(value)}}"#)
        #expect(configuration.log.querySample == sample)
    }

    @Test(
        "what is no such number is refused",
        arguments: ["-1", "1000000001", #""many""#, "{}", #"{"sample": -1}"#, #"{"rate": 1}"#]
    )
    func refused(value: String) {
        let found = message { () throws(ConfigurationError) in
            try load(#"{"log": {"queries": \#(value)}}"#)
        }
        #expect(found.contains("log.queries"), "\(found)")
    }

    @Test("both samples have defaults, variables, and wait for the next start")
    func samples() throws {
        let standard = try load()
        #expect(standard.log.querySample == 0 && standard.metrics.nameSample == 16)
        let changed = try load(environment: [
            "WAGGLE_LOG_QUERIES": "3", "WAGGLE_METRICS_NAME_SAMPLE": "0",
        ])
        #expect(changed.log.querySample == 3 && changed.metrics.nameSample == 0)
        #expect(
            changed.keysAwaitingRestart(running: standard) == ["metrics.nameSample", "log.queries"]
        )
    }
}
