import Base
import HTTPAPI
import Testing

@Suite("Request bodies")
struct RequestTests {
    private func failure(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "accepted"
    }

    @Test("a sandbox is read whole and written again")
    func sandbox() throws {
        let text =
            #"{"name":"probe","listen":"127.0.0.1:5300","network":["a","b.c"],"#
            + #""upstream":["192.0.2.53",{"address":"10.1.1.1:5353","from":"sandbox"}],"#
            + #""allow":["10.0.0.0/8"],"internal":true,"resolvConf":"/etc/r"}"#
        let request = try SandboxRequest(JSONValue(parsing: text))
        #expect(request.place == .listen(try #require(SocketEndpoint("127.0.0.1:5300"))))
        #expect(request.networks == ["a", "b.c"])
        #expect(request.upstreams.map { $0.fromSandbox } == [false, true])
        #expect(request.upstreams.map { $0.server.port } == [53, 5353])
        #expect(request.json.description == text)
        let minimal = try SandboxRequest(["name": "x", "pid": 7, "networks": "one"])
        #expect(minimal.networks == ["one"])
        #expect(minimal.place == .pid(7))
    }

    @Test(
        "a sandbox that cannot be is refused with the reason",
        arguments: [
            (#"{}"#, "name: missing; allowed is \(NameRule.nameWanted)"),
            (
                #"{"name":"a/b","pid":1,"network":"n"}"#,
                #"name: found "a/b"; allowed is \#(NameRule.nameWanted)"#
            ),
            (
                #"{"name":"a","network":"n"}"#,
                "netns: missing; allowed is exactly one of netns, pid and listen"
            ),
            (
                #"{"name":"a","pid":1,"netns":"/x","network":"n"}"#,
                "pid: cannot stand beside netns; give one of them"
            ),
            (
                #"{"name":"a","pid":1}"#,
                "network: missing; allowed is a list of one network or more"
            ),
            (
                #"{"name":"a","pid":1,"network":["n","n"]}"#,
                #"network[1]: found "n" again; allowed is each one once"#
            ),
            (
                #"{"name":"a","pid":1,"network":"n","networks":"m"}"#,
                "networks: cannot stand beside network; give one of them"
            ),
            (
                #"{"name":"a","netns":"x","network":"n"}"#,
                #"netns: found "x"; allowed is an absolute path of at most 4095 octets"#
            ),
            (
                #"{"name":"a","pid":0,"network":"n"}"#,
                "pid: found 0; allowed is a whole number from 1 to 4194304"
            ),
            (
                #"{"name":"a","listen":"localhost:53","network":"n"}"#,
                #"listen: found "localhost:53"; allowed is ADDRESS:PORT or [ADDRESS6]:PORT"#
            ),
            (
                #"{"name":"a","pid":1,"network":"n","upstream":"dns"}"#,
                #"upstream: found "dns"; allowed is an address, ADDRESS:PORT or [ADDRESS6]:PORT"#
            ),
            (
                #"{"name":"a","pid":1,"network":"n","upstream":[{"address":"1.1.1.1","from":"x"}]}"#,
                #"upstream[0].from: found "x"; allowed is one of daemon, sandbox"#
            ),
            (
                #"{"name":"a","pid":1,"network":"n","allow":["10.0.0.1/8"]}"#,
                #"allow[0]: found "10.0.0.1/8"; allowed is an address or a block with zero host bits"#
            ),
            (
                #"{"name":"a","listen":"[::1]:53","network":"n","redirect":true}"#,
                "redirect: cannot stand beside listen; give one of them"
            ),
            (
                #"{"name":"a","pid":1,"network":"n","internal":"yes"}"#,
                #"internal: found "yes"; allowed is true or false"#
            ),
            ("[]", "the document: found a list; allowed is an object"),
        ]
    )
    func sandboxRefused(text: String, message: String) throws {
        let json = try JSONValue(parsing: text)
        #expect(failure { _ = try SandboxRequest(json) } == message)
    }

    @Test("an unknown key is refused with all that are allowed")
    func unknownKey() throws {
        let message = failure {
            _ = try SandboxRequest(["name": "a", "pid": 1, "network": "n", "netwrk": "x"])
        }
        #expect(
            message == "netwrk: unknown key; allowed are name, netns, pid, listen, networks, "
                + "network, upstreams, upstream, allow, internal, redirect, resolvConf, "
                + "hosts, hostnameFile, root, hostname, addresses, address"
        )
    }

    @Test("an endpoint is read whole and written again")
    func endpoint() throws {
        let text =
            #"{"network":"mynet","name":"web.1","ip":"10.0.1.5","ip6":"fd00::5","service":"web","#
            + #""serviceId":"s1","vip":"10.0.1.8","containerId":"0123456789ab","id":"e1","#
            + #""alias":["www"],"taskAlias":["first"],"port":["tcp:http:8080"],"ttl":60}"#
        let request = try EndpointRequest(JSONValue(parsing: text))
        #expect(request.tie == .ttl(60))
        #expect(request.ports.first?.port == 8080)
        #expect(request.json.description == text)
        let six = try EndpointRequest(["network": "n", "name": "a", "ip6": "fd00::1"])
        #expect(six.ip == nil)
        #expect(six.tie == .none)
    }

    @Test(
        "an endpoint that cannot be is refused with the reason",
        arguments: [
            (#""ip":"10.0.1.256""#, #"ip: found "10.0.1.256"; allowed is an IPv4 address"#),
            (#""ip":"0.0.0.0""#, #"ip: found "0.0.0.0"; allowed is an IPv4 address"#),
            (#""ip":"fd00::1""#, #"ip: found "fd00::1"; allowed is an IPv4 address"#),
            (#""ip6":"10.0.0.1""#, #"ip6: found "10.0.0.1"; allowed is an IPv6 address"#),
            (#""name2":1,"ip":"10.0.0.1""#, nil),
            (#""id":"x""#, "ip: missing; allowed is an IPv4 address"),
            (
                #""ip":"10.0.0.1","vip":"10.0.0.2""#,
                "service: missing; allowed is a service's name beside vip"
            ),
            (
                #""ip":"10.0.0.1","port":"tcp:http:80""#,
                "service: missing; allowed is a service's name beside port"
            ),
            (
                #""ip":"10.0.0.1","service":"s","port":["http:80"]"#,
                #"port[0]: found "http:80"; allowed is PROTO:NAME:PORT such as tcp:http:8080, "#
                    + "with tcp, udp or sctp"
            ),
            (
                #""ip":"10.0.0.1","alias":["a..b"]"#,
                #"alias[0]: found "a..b"; allowed is \#(NameRule.nameWanted)"#
            ),
            (
                #""ip":"10.0.0.1","containerId":"xyz""#,
                #"containerId: found "xyz"; allowed is 12 to 64 hexadecimal digits"#
            ),
            (
                #""ip":"10.0.0.1","id":"a/b""#,
                #"id: found "a/b"; allowed is 1 to 128 letters, digits, '-', '_', '.'"#
            ),
            (
                #""ip":"10.0.0.1","ttl":5,"sandbox":"s""#,
                "ttl: cannot stand beside sandbox; give one of them"
            ),
            (
                #""ip":"10.0.0.1","ttl":0"#,
                "ttl: found 0; allowed is a whole number from 1 to 31536000"
            ),
        ]
    )
    func endpointRefused(fields: String, message: String?) throws {
        let json = try JSONValue(parsing: "{\"network\":\"n\",\"name\":\"a\",\(fields)}")
        let found = failure { _ = try EndpointRequest(json) }
        if let message {
            #expect(found == message)
        } else {
            #expect(found.contains("unknown key; allowed are network, name, ip,"))
        }
    }

    @Test("names of 253 characters with labels of 63 are the longest")
    func names() {
        let label = String(repeating: "x", count: 63)
        let longest = [label, label, label, String(label.dropFirst(2))].joined(separator: ".")
        #expect(longest.count == 253)
        #expect(NameRule.isName(longest))
        #expect(!NameRule.isName(longest + "x"))
        for bad in ["", ".", "a.", ".a", "a b", "ä", "a\u{0}", label + "x", "a/b", "*"] {
            #expect(!NameRule.isName(bad), "\(bad)")
        }
        #expect(NameRule.isName("_http._tcp.Web-1"))
    }

    @Test("a network is read with its subnets")
    func network() throws {
        let request = try NetworkAttach(["name": "n", "subnet": ["10.0.1.0/24", "fd00::/64"]])
        #expect(request.subnets.map { $0.description } == ["10.0.1.0/24", "fd00::/64"])
        #expect(try NetworkAttach(request.json) == request)
        #expect(
            failure { _ = try NetworkAttach(["name": "n", "subnets": "10.0.1.1"]) }
                == #"subnets[0]: found "10.0.1.1"; allowed is a block such as 10.0.1.0/24 with "#
                + "zero host bits"
        )
    }
}

@Suite("Routes")
struct RouteTests {
    private func route(
        _ method: String,
        _ target: String,
        _ body: String = ""
    ) throws -> WaggleRoute {
        let request = try #require(
            APIRequest(method: method, target: target, body: Array(body.utf8))
        )
        return try WaggleRoute(request)
    }

    @Test("each route is found")
    func routes() throws {
        #expect(try route("GET", "/waggle/v1/status?watch=7") == .status(watch: 7))
        #expect(try route("GET", "/waggle/v1/sandboxes") == .sandboxes(watch: nil))
        #expect(
            try route("GET", "/waggle/v1/endpoints?network=a%2db&watch=0")
                == .endpoints(network: "a-b", watch: 0)
        )
        #expect(try route("GET", "/waggle/v1/networks") == .networks(watch: nil))
        #expect(try route("GET", "/waggle/v1/records") == .records(network: nil, watch: nil))
        #expect(
            try route("GET", "/waggle/v1/explain?name=web&sandbox=s")
                == .explain(name: "web", type: "A", sandbox: "s")
        )
        #expect(
            try route("DELETE", "http://d/waggle/v1/sandboxes/x") == .removeSandbox(name: "x")
        )
        #expect(try route("DELETE", "/waggle/v1/endpoints/e1") == .removeEndpoint(id: "e1"))
        #expect(try route("POST", "/waggle/v1/endpoints/e1/drain") == .drainEndpoint(id: "e1"))
        #expect(try route("POST", "/waggle/v1/endpoints/e1/renew") == .renewEndpoint(id: "e1"))
        #expect(try route("DELETE", "/waggle/v1/networks/n") == .detachNetwork(name: "n"))
        #expect(
            try route("POST", "/waggle/v1/networks", #"{"name":"n"}"#)
                == .attachNetwork(NetworkAttach(name: "n"))
        )
        let one = try EndpointRequest(["network": "n", "name": "a", "ip": "10.0.0.1"])
        let text = one.json.description
        #expect(
            try route("POST", "/waggle/v1/endpoints", text) == .addEndpoints([one], isList: false)
        )
        #expect(
            try route("POST", "/waggle/v1/endpoints", "[\(text)]")
                == .addEndpoints([one], isList: true)
        )
    }

    @Test(
        "what is no route is refused",
        arguments: [
            ("GET", "/", "", 404, "no route /; see docs/api.md"),
            ("GET", "/waggle/v2/status", "", 404, "no route /waggle/v2/status; see docs/api.md"),
            ("GET", "/waggle/v1/nodes", "", 404, "no route /waggle/v1/nodes; see docs/api.md"),
            (
                "PUT", "/waggle/v1/sandboxes", "", 405,
                "no method PUT here; allowed are GET, HEAD, POST"
            ),
            ("POST", "/waggle/v1/status", "", 405, "no method POST here; allowed are GET, HEAD"),
            ("GET", "/waggle/v1/sandboxes/x", "", 405, "no method GET here; allowed are DELETE"),
            (
                "GET", "/waggle/v1/endpoints/x/drain", "", 405,
                "no method GET here; allowed are POST"
            ),
            (
                "GET", "/waggle/v1/status?x=1", "", 400,
                "query: unknown parameter x; allowed are watch"
            ),
            (
                "GET", "/waggle/v1/status?watch=-1", "", 400,
                "query: watch is \"-1\"; allowed is a whole number of 0 or more"
            ),
            (
                "GET", "/waggle/v1/explain?name=a", "", 400,
                "query: sandbox is missing; add sandbox=VALUE"
            ),
            (
                "GET", "/waggle/v1/explain?name=a&name=b", "", 400,
                "query: name is given twice; give it once"
            ),
            (
                "POST", "/waggle/v1/networks", "{", 400,
                "the body is no JSON: line 1, column 2: the document ends too early"
            ),
            (
                "POST", "/waggle/v1/endpoints",
                #"[{"network":"n","name":"a","ip":"10.0.0.1"},{"network":"n"}]"#, 400,
                "[1].name: missing; allowed is \(NameRule.nameWanted)"
            ),
        ]
    )
    func refused(
        method: String,
        target: String,
        body: String,
        status: Int,
        message: String
    ) throws {
        do {
            _ = try route(method, target, body)
            Issue.record("accepted")
        } catch let error as RouteError {
            #expect(error.response.status == status)
            #expect(
                error.response.body == JSONValue.object([.init("message", .string(message))])
                    .octets + [10]
            )
        }
    }

    @Test("targets are decoded and encoded", arguments: ["/a%2Fb/%C3%A4?x=%20%2B&y=", "/", "/a"])
    func targets(target: String) {
        #expect(APIRequest(method: "GET", target: target, body: [])?.target == target)
    }

    @Test(
        "broken escapes are refused",
        arguments: ["/%", "/%2", "/%zz", "/%ff", "/a%00", "/?a=%f"]
    )
    func brokenTargets(target: String) {
        #expect(APIRequest(method: "GET", target: target, body: []) == nil)
    }
}
