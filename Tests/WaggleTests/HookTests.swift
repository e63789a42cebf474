import Base
import HTTPAPI
import Testing
import waggle

@Suite("Hook: what a runtime says")
struct HookInputTests {
    private static let runc =
        #"{"ociVersion":"1.0.2-dev","id":"lab1","status":"creating","pid":19789,"bundle":"/b","#
        + #""annotations":{"io.waggle.networks":"n"}}"#

    @Test("the states that runc and crun write are read")
    func states() throws {
        let state = try OCIState(parsing: Array(Self.runc.utf8))
        #expect(state.id == "lab1")
        #expect(state.status == .creating)
        #expect(state.pid == 19789)
        #expect(state.bundle == "/b")
        #expect(state.annotations == ["io.waggle.networks": "n"])
        let crun =
            #"{"ociVersion":"1.0","id":"lab3","pid":0,"root":"rootfs","bundle":"/b","#
            + #""status":"stopped","annotations":{}}"#
        let stopped = try OCIState(parsing: Array(crun.utf8))
        #expect(stopped.status == .stopped)
        #expect(stopped.pid == nil)
    }

    @Test(
        "a state that cannot be is refused with what is wrong",
        arguments: [
            ("", "the document ends too early"), ("[]", "allowed is an object"),
            ("{}", "id: missing"),
            (#"{"id":""}"#, "id: missing"),
            (#"{"id":"a","status":"paused"}"#, #"status: found "paused""#),
            (#"{"id":"a","status":"created","pid":1,"bundle":"b"}"#, "bundle: found"),
            (#"{"id":"a","status":"created","bundle":"/b"}"#, "pid: missing"),
            (#"{"id":"a","status":"created","pid":0,"bundle":"/b"}"#, "pid: missing"),
            (#"{"id":"a","status":"created","pid":-1,"bundle":"/b"}"#, "pid: found -1"),
            (
                #"{"id":"a","status":"created","pid":1,"bundle":"/b","annotations":{"x":1}}"#,
                "annotations.x: found 1"
            ),
        ]
    )
    func wrongStates(text: String, why: String) {
        let error = #expect(throws: (any Error).self) {
            _ = try OCIState(parsing: Array(text.utf8))
        }
        #expect(error.map { "\($0)".contains(why) } == true, "\(String(describing: error))")
    }

    @Test("every prefix of a state, and each octet changed, is read or refused")
    func mangled() {
        let octets = Array(Self.runc.utf8)
        for count in octets.indices {
            _ = try? OCIState(parsing: Array(octets[..<count]))
            for octet: UInt8 in [0, 0x22, 0x7b, 0xff] {
                var other = octets
                other[count] = octet
                _ = try? OCIState(parsing: other)
            }
        }
        let large = [UInt8](repeating: 0x20, count: OCIState.octetsMax + 1)
        #expect(throws: (any Error).self) { _ = try OCIState(parsing: large) }
        let deep = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: (any Error).self) { _ = try OCIState(parsing: deep) }
    }

    @Test(
        "a file of the container is found where its mounts put it",
        arguments: [
            ("[]", OCIBundle.File.at(path: "/b/rootfs/etc/resolv.conf", root: "/b/rootfs")),
            (
                #"[{"destination":"/etc/resolv.conf","type":"bind","source":"/x/r"}]"#,
                .at(path: "/x/r", root: nil)
            ),
            (
                #"[{"destination":"/etc/resolv.conf/","options":["rbind"],"source":"r"}]"#,
                .at(path: "/b/r", root: nil)
            ),
            (
                #"[{"destination":"/etc","type":"bind","source":"/x"}]"#,
                .at(path: "/x/resolv.conf", root: "/x")
            ),
            (
                #"[{"destination":"/etc/resolv.conf","type":"bind","source":"/x/r"},"#
                    + #"{"destination":"/etc","type":"tmpfs","source":"tmpfs"}]"#,
                .hidden(by: "/etc")
            ),
            (
                #"[{"destination":"/etc","type":"tmpfs","source":"tmpfs"},"#
                    + #"{"destination":"/etc/resolv.conf","type":"bind","source":"/x/r"}]"#,
                .at(path: "/x/r", root: nil)
            ),
            (
                #"[{"destination":"/etc/resolv","type":"bind","source":"/x"}]"#,
                .at(path: "/b/rootfs/etc/resolv.conf", root: "/b/rootfs")
            ),
        ]
    )
    func files(mounts: String, expected: OCIBundle.File) throws {
        let text = #"{"root":{"path":"rootfs"},"hostname":"h","mounts":\#(mounts)}"#
        let bundle = try OCIBundle(parsing: Array(text.utf8), folder: "/b")
        #expect(bundle.file("/etc/resolv.conf") == expected)
        #expect(bundle.hostname == "h")
    }
}

@Suite("Hook: what annotations ask for")
struct HookPlanTests {
    private static func state(_ id: String = "web-1") throws -> OCIState {
        let text = #"{"id":"\#(id)","status":"created","pid":42,"bundle":"/b"}"#
        return try OCIState(parsing: Array(text.utf8))
    }

    private static func plan(
        _ annotations: [String: String],
        _ addresses: [String] = ["10.0.1.5"],
        blocks: [String: String] = [:],
        bundle: String? = nil,
        id: String = "web-1"
    ) throws -> HookPlan {
        let full = Dictionary(
            uniqueKeysWithValues: annotations.map { ("io.waggle.\($0.key)", $0.value) }
        )
        let state = try Self.state(id)
        var circumstances = HookPlan.Circumstances(
            state: state,
            bundle: try bundle.map { try OCIBundle(parsing: Array($0.utf8), folder: "/b") },
            addresses: addresses.compactMap { IPAddress($0) }
        )
        circumstances.blocks = blocks.mapValues { [CIDR($0)].compactMap { $0 } }
        return try HookPlan(
            HookWishes(full),
            name: HookPlan.sandboxName(state, annotations: full),
            circumstances
        )
    }

    @Test("all annotations together")
    func all() throws {
        let plan = try Self.plan(
            [
                "networks": "front, back", "sandbox": "sb", "name": "web.1", "aliases": "a,b",
                "service": "web", "service-id": "s1", "service-aliases": "www",
                "ports": "tcp:http:80 udp:dns:53", "ip": "front=10.0.1.5,back=fd00::5",
                "vip": "front=10.0.1.9", "upstreams": "192.0.2.1,sandbox=9.9.9.9:5353",
                "internal": "true", "redirect": "false", "resolv-conf": "keep",
            ],
            bundle: #"{"hostname":"h1","root":{"path":"r"}}"#
        )
        #expect(
            plan.sandbox.json.description
                == #"{"name":"sb","pid":42,"network":["front","back"],"upstream":["192.0.2.1","#
                + #"{"address":"9.9.9.9:5353","from":"sandbox"}],"internal":true,"#
                + #""hostname":"h1","address":["10.0.1.5","fd00::5"]}"#
        )
        let common =
            #""serviceId":"s1",X"alias":["www"],"taskAlias":["a","b","h1"],"#
            + #""port":["tcp:http:80","udp:dns:53"],"sandbox":"sb"}"#
        let front =
            #"{"network":"front","name":"web.1","ip":"10.0.1.5","service":"web","#
            + common.replacing("X", with: #""vip":"10.0.1.9","#)
        let back =
            #"{"network":"back","name":"web.1","ip6":"fd00::5","service":"web","#
            + common.replacing("X", with: "")
        #expect(plan.endpoints.map { $0.json.description } == [front, back])
    }

    @Test("the least that is said")
    func least() throws {
        let plan = try Self.plan(
            ["networks": "n"],
            bundle: #"{"root":{"path":"r"},"annotations":null,"mounts":null}"#
                .replacing(#""annotations":null,"#, with: "")
        )
        #expect(plan.sandbox.redirect)
        #expect(plan.sandbox.files.resolvConf == "/b/r/etc/resolv.conf")
        #expect(plan.sandbox.files.root == "/b/r")
        #expect(plan.endpoints.map { $0.name } == ["web-1"])
        #expect(plan.endpoints.map { $0.tie } == [.sandbox("web-1")])
        #expect(plan.beside(42).endpoints.map { $0.tie } == [.pid(42)])
        // Who only wants to resolve others needs no address.
        #expect(try Self.plan(["networks": "n"], []).endpoints.isEmpty)
    }

    @Test("the id of an engine is cut to what it shows, and resolves")
    func ids() throws {
        let id = String(repeating: "0123456789abcdef", count: 4)
        let plan = try Self.plan(["networks": "n"], id: id)
        #expect(plan.sandbox.name == "0123456789ab")
        #expect(plan.endpoints.first?.containerID == id)
        #expect(throws: HookPlan.Failure.self) {
            _ = try Self.plan(["networks": "n"], id: "a+b")
        }
        #expect(try Self.plan(["networks": "n", "sandbox": "x"], id: "a+b").sandbox.name == "x")
    }

    @Test("a redirect is taken unless the ports that are told leave 53 out")
    func redirect() throws {
        for (ports, redirect) in [("tcp:http:80", false), ("udp:dns:53", true)] {
            let plan = try Self.plan(["networks": "n", "service": "s", "ports": ports])
            #expect(plan.sandbox.redirect == redirect)
        }
    }

    @Test("an address is the network's, or the only one, and never guessed")
    func addresses() throws {
        let two = ["10.0.1.5", "10.0.2.5", "fd00::5"]
        let blocks = ["front": "10.0.1.0/24", "back": "10.0.2.0/24"]
        let plan = try Self.plan(["networks": "front,back"], two, blocks: blocks)
        #expect(plan.endpoints.map { $0.ip.map { "\($0)" } } == ["10.0.1.5", "10.0.2.5"])
        #expect(plan.endpoints.map { $0.ip6.map { "\($0)" } } == ["fd00::5", "fd00::5"])
        for annotations in [
            ["networks": "front"], ["networks": "front", "ip": "back=10.0.2.5"],
            ["networks": "front,back", "ip": "10.0.1.5"],
        ] {
            #expect(throws: HookPlan.Failure.self) { _ = try Self.plan(annotations, two) }
        }
        #expect(throws: HookPlan.Failure.self) {
            _ = try Self.plan(["networks": "n", "name": "a"], [])
        }
    }

    @Test("a file that the host uses itself gets no container's name")
    func hostFiles() throws {
        let mounts =
            #"[{"destination":"/etc/hosts","type":"bind","source":"/x/hosts"},"#
            + #"{"destination":"/etc/hostname","type":"bind","source":"/x/hostname"}]"#
        let text = #"{"hostname":"h","root":{"path":"r"},"mounts":\#(mounts)}"#
        let plan = try Self.plan(["networks": "n"], bundle: text)
        #expect(plan.sandbox.files.hosts == "/x/hosts")
        #expect(plan.sandbox.files.hostnameFile == "/x/hostname")
        var circumstances = HookPlan.Circumstances(
            state: try Self.state(),
            bundle: try OCIBundle(parsing: Array(text.utf8), folder: "/b"),
            addresses: []
        )
        circumstances.hostFiles = ["/x/hosts"]
        let wishes = try HookWishes(["io.waggle.networks": "n"])
        let other = try HookPlan(wishes, name: "web-1", circumstances)
        #expect(other.sandbox.files.hosts == nil)
        #expect(other.sandbox.files.hostnameFile == "/x/hostname")
    }

    @Test(
        "an annotation that is wrong is refused with its key",
        arguments: [
            ("networks", ""), ("networks", "a b/c"), ("networks", ","), ("name", "a/b"),
            ("aliases", "ok,-.-.."), ("service-id", "a b"), ("ports", "http:80"), ("ip", "front="),
            ("ip", "10.0.0.300"), ("ip", "0.0.0.0"), ("vip", "=10.0.0.1"), ("upstreams", "host"),
            ("upstreams", "sandbox="), ("internal", "yes"), ("redirect", ""),
            ("resolv-conf", "no"), ("netwroks", "n"),
        ]
    )
    func wrong(key: String, text: String) {
        let error = #expect(throws: FieldError.self) {
            _ = try HookWishes(["io.waggle.\(key)": text, "other.key": "free"])
        }
        #expect(error?.path == "io.waggle.\(key)")
    }
}
