import Testing

@Suite(
    "Real resolvers inside a namespace",
    Requirement.namespaces,
    .inTurn,
    .timeLimit(.minutes(10))
)
struct ResolverTests {
    private static let endpoints = """
        [{"network": "mynet", "name": "api.1.x1", "service": "api", "vip": "10.0.1.100",
          "ip": "10.0.1.5", "port": ["tcp:http:8080"], "containerId": "0123456789abcdef0123"},
         {"network": "mynet", "name": "api.2.x2", "service": "api", "vip": "10.0.1.100",
          "ip": "10.0.1.6", "port": ["tcp:http:8080"]},
         {"network": "mynet", "name": "web.1.y1", "service": "web", "ip": "10.0.1.11",
          "alias": ["www"]},
         {"network": "mynet", "name": "web.2.y2", "service": "web", "ip": "10.0.1.12",
          "alias": ["www"], "taskAlias": ["second"]},
         {"network": "mynet", "name": "db", "ip": "10.0.1.20", "ip6": "fd00::20",
          "alias": ["store"]}]
        """

    static let questions: [Question] = [
        Question("a service with a VIP", "api", .a, ["10.0.1.100"]),
        Question("a service without", "web", .a, ["10.0.1.11", "10.0.1.12"]),
        Question("the tasks of a service", "tasks.api", .a, ["10.0.1.5", "10.0.1.6"]),
        Question("one task", "web.2.y2", .a, ["10.0.1.12"]),
        Question("a service's alias", "www", .a, ["10.0.1.11", "10.0.1.12"]),
        Question("a task's alias", "second", .a, ["10.0.1.12"]),
        Question("a container's alias", "store", .a, ["10.0.1.20"]),
        Question("a short container id", "0123456789ab", .a, ["10.0.1.5"]),
        Question("a name with its network", "web.mynet", .a, ["10.0.1.11", "10.0.1.12"]),
        Question("an IPv6 address", "db", .aaaa, ["fd00::20"]),
        Question("the name of an address", "12.1.0.10.in-addr.arpa", .ptr, ["web.2.y2.mynet"]),
        Question("the name of a VIP", "100.1.0.10.in-addr.arpa", .ptr, ["api.mynet"]),
        Question(
            "the ports of a service",
            "_http._tcp.api",
            .srv,
            ["10 100 8080 api.1.x1.mynet", "10 100 8080 api.2.x2.mynet"]
        ),
        Question("a name without the type", "api", .aaaa, []),
        Question(absent: "no such name", "nope.mynet", .a),
    ]

    @Test(
        "every resolver reads the same answers",
        Requirement.tools("dig", "kdig", "drill", "busybox", "getent", Tool.python),
        arguments: Resolver.all
    )
    func answers(resolver: Resolver) async throws {
        try await withNode { node in
            try await withNamespace { space in
                try space.setResolvConf("nameserver 127.0.0.11\noptions timeout:2 attempts:1\n")
                try await space.address("10.0.1.200/24", "fd00::200/64")
                try await node.require("sandbox add box --netns \(space.path) --network mynet")
                try await node.require("endpoint add --file -", input: Self.endpoints)
                for question in Self.questions where resolver.kinds.contains(question.kind) {
                    let words = space.inside + resolver.words(question)
                    let outcome = try await run(words)
                    let wanted = Answer(
                        code: resolver.tellsCode ? question.code : nil,
                        data: question.data
                    )
                    #expect(resolver.read(outcome) == wanted, "\(question.what): \(outcome)")
                }
            }
        }
    }

    @Test("the first of a sandbox's networks that knows a name answers it alone")
    func priority() async throws {
        try await withNode { node in
            try await withNamespace { one in
                try await withNamespace { other in
                    try await node.require(
                        "sandbox add front-first --netns \(one.path) --network front --network"
                            + " back"
                    )
                    try await node.require(
                        "sandbox add back-first --netns \(other.path) --network back --network"
                            + " front"
                    )
                    try await Self.add(node, "front", "both", "10.1.0.1")
                    try await Self.add(node, "back", "both", "10.2.0.1")
                    try await Self.add(node, "back", "rear", "10.2.0.2")
                    #expect(try await Self.short(one, "both") == ["10.1.0.1"])
                    #expect(try await Self.short(other, "both") == ["10.2.0.1"])
                    #expect(try await Self.short(one, "rear") == ["10.2.0.2"])
                    #expect(try await Self.short(one, "both.back") == ["10.2.0.1"])
                }
            }
        }
    }

    @Test("two sandboxes on different networks see nothing of each other")
    func isolation() async throws {
        try await withNode { node in
            try await withNamespace { red in
                try await withNamespace { blue in
                    for (space, network) in [(red, "red"), (blue, "blue")] {
                        try await node.require(
                            "sandbox add \(network) --netns \(space.path) --network \(network)"
                                + " --internal"
                        )
                    }
                    try await Self.add(node, "red", "mine", "10.1.0.1")
                    #expect(try await Self.short(red, "mine") == ["10.1.0.1"])
                    for name in ["mine", "mine.red"] {
                        let reply = try await blue.run("dig @127.0.0.11 \(name)")
                        #expect(reply.output.contains("status: REFUSED"), "\(name): \(reply)")
                        #expect(!reply.output.contains("10.1.0.1"))
                    }
                    let reverse = try await blue.run("dig @127.0.0.11 -x 10.1.0.1")
                    #expect(!reverse.output.contains("mine"))
                }
            }
        }
    }

    private static func add(
        _ node: Node,
        _ network: String,
        _ name: String,
        _ address: String
    ) async throws {
        try await node.require("endpoint add --network \(network) --name \(name) --ip \(address)")
    }

    private static func short(_ space: Namespace, _ name: String) async throws -> [String] {
        try await space.run("dig +short +time=3 @127.0.0.11 \(name)").lines.sorted()
    }
}
