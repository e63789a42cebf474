import Base
import Daemon
import HTTPAPI
import Testing

@Suite("Configuration: flags, environment, file, defaults")
struct ConfigurationPrecedenceTests {
    @Test("a flag wins over the environment, that over the file, that over the default")
    func order() throws {
        let file = #"{"log": {"level": "error"}}"#
        let environment = ["WAGGLE_LOG_LEVEL": "warning"]
        #expect(try load().log.level == .info)
        #expect(try load(file).log.level == .error)
        #expect(try load(file, environment: environment).log.level == .warning)
        let all = try load(file, environment: environment) { $0.logLevel = "debug" }
        #expect(all.log.level == .debug)
    }

    @Test("what cannot be is an error even where something else hides it")
    func hidden() throws {
        let file = #"{"log": {"level": "loud"}}"#
        let byVariable = message { () throws(ConfigurationError) in
            try load(file, environment: ["WAGGLE_LOG_LEVEL": "warning"])
        }
        #expect(byVariable.hasPrefix("configuration /etc/waggle/waggle.json: log.level: found"))
        let byFlag = message { () throws(ConfigurationError) in
            try load(environment: ["WAGGLE_LOG_LEVEL": "loud"]) { $0.logLevel = "info" }
        }
        #expect(byFlag.hasPrefix("configuration WAGGLE_LOG_LEVEL: log.level: found"))
    }

    @Test("every flag reaches its key")
    func flags() throws {
        let configuration = try load { flags in
            flags.name = "n7"
            flags.stateDirectory = "/srv/w"
            flags.socket = "/srv/w.sock"
            flags.upstreams = ["10.0.0.1", "10.0.0.2:54"]
            flags.gossipBind = "10.0.0.9:7000"
            flags.gossipJoin = ["10.0.0.8"]
            flags.logLevel = "warning"
        }
        #expect(configuration.log.level == .warning)
        #expect(configuration.nodeName == "n7")
        #expect(configuration.stateDirectory == "/srv/w")
        #expect(configuration.api.socket == "/srv/w.sock")
        #expect(configuration.dns.upstreams?.map(\.server.port) == [53, 54])
        #expect(configuration.gossip?.bind.description == "10.0.0.9:7000")
        #expect(configuration.gossip?.join.map(\.description) == ["10.0.0.8:7946"])
    }

    @Test("every scalar and list has its variable")
    func variables() throws {
        let configuration = try load(
            environment: [
                "WAGGLE_NODE_NAME": "n1",
                "WAGGLE_STATE_DIRECTORY": "/srv/w",
                "WAGGLE_API_SOCKET": "/srv/w.sock",
                "WAGGLE_API_GROUP": "ops",
                "WAGGLE_DNS_UPSTREAMS": "192.0.2.53, [2001:db8::53]:5353",
                "WAGGLE_DNS_PROFILE": "docker",
                "WAGGLE_DNS_TTL_TASK": "1",
                "WAGGLE_DNS_TTL_VIP": "2",
                "WAGGLE_DNS_TTL_NEGATIVE": "3",
                "WAGGLE_DNS_ZONE_FILES": "/a.zone,/b.zone",
                "WAGGLE_DNS_FORWARD_LIMIT": "4",
                "WAGGLE_DNS_CACHE_ENTRIES": "5",
                "WAGGLE_DNS_THREADS": "6",
                "WAGGLE_GOSSIP_BIND": "10.0.0.1:1",
                "WAGGLE_GOSSIP_ADVERTISE": "10.0.0.1:2",
                "WAGGLE_GOSSIP_JOIN": "10.0.0.2,10.0.0.3:3",
                "WAGGLE_GOSSIP_PROFILE": "local",
                "WAGGLE_GOSSIP_DELEGATE": "serf",
                "WAGGLE_GOSSIP_KEYS": "AAAAAAAAAAAAAAAAAAAAAA==",
                "WAGGLE_CLUSTER_LISTEN": "10.0.0.1:4",
                "WAGGLE_CLUSTER_ADVERTISE": "10.0.0.1:5",
                "WAGGLE_METRICS_LISTEN": "",
                "WAGGLE_LOG_LEVEL": "trace",
                "WAGGLE_LOG_FORMAT": "json",
            ]
        )
        #expect(configuration.nodeName == "n1")
        #expect(configuration.stateDirectory == "/srv/w")
        #expect(configuration.api.socket == "/srv/w.sock" && configuration.api.group == "ops")
        #expect(configuration.dns.upstreams?.map(\.server.port) == [53, 5353])
        #expect(configuration.dns.profile == .docker)
        #expect(configuration.dns.ttl == .init(task: 1, vip: 2, negative: 3))
        #expect(configuration.dns.zoneFiles == ["/a.zone", "/b.zone"])
        #expect(configuration.dns.forwardLimit == 4)
        #expect(configuration.dns.cacheEntries == 5)
        #expect(configuration.dns.threads == 6)
        #expect(configuration.gossip?.bind.port == 1)
        #expect(configuration.gossip?.advertise?.port == 2)
        #expect(configuration.gossip?.join.map(\.port) == [7946, 3])
        #expect(configuration.gossip?.profile == .local && configuration.gossip?.delegate == .serf)
        #expect(configuration.gossip?.keys.count == 1)
        #expect(configuration.cluster?.listen.port == 4)
        #expect(configuration.cluster?.advertise?.port == 5)
        #expect(configuration.metrics.listen == nil)
        #expect(configuration.log == .init(level: .trace, format: .json))
    }

    @Test("an empty list is a list")
    func emptyList() throws {
        let file = #"{"dns": {"upstreams": ["10.0.0.1"]}}"#
        #expect(try load(file, environment: ["WAGGLE_DNS_UPSTREAMS": ""]).dns.upstreams == [])
    }

    @Test("a variable or flag switches a plane on that the file switched off")
    func switchedOn() throws {
        let configuration = try load(
            #"{"gossip": null}"#,
            environment: ["WAGGLE_CLUSTER_LISTEN": "10.0.0.1:2377"]
        ) { $0.gossipJoin = ["10.0.0.2"] }
        #expect(configuration.gossip?.join.count == 1)
        #expect(configuration.cluster != nil)
    }

    @Test("a command's variables do not disturb the daemon, and the socket's counts")
    func commandVariables() throws {
        let environment = ["WAGGLE_SOCKET": "/a.sock", "WAGGLE_BIN": "/usr/bin/waggle"]
        #expect(try load(environment: environment).api.socket == "/a.sock")
        #expect(
            try load(environment: environment) { $0.socket = "/b.sock" }.api.socket == "/b.sock"
        )
        let two = environment.merging(["WAGGLE_API_SOCKET": "/b.sock"]) { old, _ in old }
        let found = message { () throws(ConfigurationError) in try load(environment: two) }
        #expect(
            found == "configuration WAGGLE_API_SOCKET: differs from WAGGLE_SOCKET; give one of them"
        )
    }

    @Test("a variable that names nothing of ours is a warning")
    func foreignVariable() throws {
        let configuration = try load(environment: [
            "WAGGLE_PORT": "tcp://10.0.0.1:80", "WAGGLER": "",
        ])
        #expect(configuration.warnings == ["the variable WAGGLE_PORT means nothing to waggle"])
    }

    @Test(
        "an error names the variable it came from",
        arguments: [
            (
                "WAGGLE_DNS_THREADS", "many",
                #"dns.threads: found "many"; allowed is a whole number from 1 to 64"#
            ),
            (
                "WAGGLE_DNS_THREADS", "",
                #"dns.threads: found ""; allowed is a whole number from 1 to 64"#
            ),
            (
                "WAGGLE_DNS_UPSTREAMS", "10.0.0.1,,10.0.0.2",
                #"dns.upstreams[1]: found ""; allowed is an address, ADDRESS:PORT or [ADDRESS6]:PORT"#
            ),
            (
                "WAGGLE_NODE_NAME", "",
                #"node.name: found ""; allowed is 1 to 253 letters, digits, '-', '_', with dots between labels of at most 63"#
            ),
            (
                "WAGGLE_SOCKET", "w.sock",
                #"api.socket: found "w.sock"; allowed is an absolute path of at most 107 octets"#
            ),
            (
                "WAGGLE_DNS_TREADS", "1",
                "unknown variable; allowed are WAGGLE_DNS_UPSTREAMS, WAGGLE_DNS_PROFILE, WAGGLE_DNS_TTL_TASK, WAGGLE_DNS_TTL_VIP, WAGGLE_DNS_TTL_NEGATIVE, WAGGLE_DNS_ZONE_FILES, WAGGLE_DNS_FORWARD_LIMIT, WAGGLE_DNS_CACHE_ENTRIES, WAGGLE_DNS_THREADS"
            ),
            (
                "WAGGLE_GOSSIP", "null",
                "unknown variable; allowed are WAGGLE_GOSSIP_BIND, WAGGLE_GOSSIP_ADVERTISE, WAGGLE_GOSSIP_JOIN, WAGGLE_GOSSIP_PROFILE, WAGGLE_GOSSIP_DELEGATE, WAGGLE_GOSSIP_KEYS"
            ),
            ("WAGGLE_SANDBOXES", "[]", "unknown variable; no variable is allowed here"),
        ]
    )
    func variableError(name: String, value: String, rest: String) {
        let found = message { () throws(ConfigurationError) in
            try load("{}", environment: [name: value])
        }
        #expect(found == "configuration \(name): \(rest)")
    }

    @Test("an error names the flag it came from")
    func flagError() {
        let found = message { () throws(ConfigurationError) in
            try load(#"{"log": {"level": "info"}}"#) { $0.logLevel = "loud" }
        }
        #expect(
            found == """
                configuration --log-level: log.level: found "loud"; \
                allowed is one of trace, debug, info, warning, error
                """
        )
    }

    @Test("a variable does not hide the file's mistake on the way to its key")
    func hiddenMistake() {
        let found = message { () throws(ConfigurationError) in
            try load(#"{"dns": 5}"#, environment: ["WAGGLE_DNS_THREADS": "2"])
        }
        #expect(
            found == "configuration /etc/waggle/waggle.json: dns: found 5; allowed is an object"
        )
    }
}
