import Base
import HTTPAPI
import Testing
import waggle

@Suite("Tables and views")
struct TableTests {
    @Test("columns are as wide as their widest cell and lines have no spaces at their ends")
    func table() {
        var table = Table(["A", "LONGER", "C"])
        table.add(["x", "y", ""])
        table.add(["wide cell", "z", "\u{1b}[2J"])
        #expect(
            table.text == """
                A          LONGER  C
                x          y
                wide cell  z       ?[2J
                """
        )
        #expect(Table(["ONLY", "HEADS"]).text == "ONLY  HEADS")
    }

    @Test("cells show values of every kind")
    func cells() {
        let cases: [(JSONValue?, String)] = [
            (nil, "-"), (.some(.null), "-"), ("", "-"), ("x", "x"), (true, "yes"), (7, "7"),
            ([], "-"), (["a", ["address": "b", "from": "sandbox"]], "a,b"),
        ]
        for (value, text) in cases { #expect(Table.cell(value) == text) }
    }

    @Test(
        "ages are short",
        arguments: [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (172_800, "2d")]
    )
    func ages(seconds: Int, text: String) {
        #expect(Table.age(seconds) == text)
    }

    @Test("the daemon's documents are read by key")
    func views() throws {
        let sandbox = SandboxReport(
            request: try SandboxRequest(["name": "p", "pid": 7, "network": ["a", "b"]]),
            origin: .command,
            state: .failed,
            error: "no such process"
        )
        #expect(
            Views.sandboxes([sandbox.json]) == """
                NAME  STATE                     ADDRESS  PLACE  NETWORKS  ORIGIN
                p     failed (no such process)  -        pid 7  a,b       command
                """
        )
        let endpoint = EndpointReport(
            id: "e1",
            request: try EndpointRequest([
                "network": "n", "name": "web.1", "ip": "10.0.0.1", "ip6": "fd00::1", "ttl": 60,
            ]),
            origin: .file,
            isDrained: true,
            ageSeconds: 61,
            secondsLeft: 30
        )
        #expect(
            Views.endpoints([endpoint.json]) == """
                ID  NETWORK  NAME   ADDRESS           SERVICE  VIP  TIE      STATE    AGE
                e1  n        web.1  10.0.0.1,fd00::1  -        -    ttl 30s  drained  1m
                """
        )
        let record = RecordReport(
            network: "n",
            name: "web",
            type: "A",
            value: "10.0.0.1",
            ttlSeconds: 5,
            owner: "n1",
            ageSeconds: 3,
            isDrained: false,
            isStatic: true,
            endpoint: "e1"
        )
        #expect(
            Views.records([record.json]) == """
                NETWORK  NAME  TYPE  VALUE     TTL  OWNER  PATH  AGE  STATE
                n        web   A     10.0.0.1  5    n1     own   3s   static
                """
        )
        let status = StatusReport(version: "1", nodeName: "n1").json
        #expect(Views.status(status).hasPrefix("node       n1, version 1, up 0s\nplanes     names"))
        #expect(
            Views.networks([]) == "NAME  ATTACHED  SUBNETS  ENDPOINTS  REMOTE  SANDBOXES  NAMES"
        )
    }

    @Test("an explanation is written line by line")
    func explanation() {
        let report = ExplainReport(
            name: "web",
            type: "A",
            sandbox: "p",
            steps: [.init("network a", "no such name"), .init("net b", "1 record")],
            verdict: .answer,
            rcode: "NOERROR",
            answers: ["web. 5 IN A 10.0.0.1"]
        )
        #expect(
            report.text == """
                web A in p
                  network a  no such name
                  net b      1 record
                answer, NOERROR
                  web. 5 IN A 10.0.0.1
                """
        )
    }
}

@Suite("Where the socket is")
struct SocketPathTests {
    @Test("flag, variable, own daemon, the system's")
    func order() {
        func path(
            _ flag: String?,
            _ environment: [String: String],
            isRoot: Bool = false,
            present: [String] = []
        ) -> String {
            APISocketPath.forCommand(
                flag: flag,
                environment: environment,
                isRoot: isRoot,
                exists: { present.contains($0) }
            )
        }
        let user = ["XDG_RUNTIME_DIR": "/run/user/1"]
        #expect(path("/f", ["WAGGLE_SOCKET": "/e"]) == "/f")
        #expect(path(nil, ["WAGGLE_SOCKET": "/e"]) == "/e")
        #expect(path(nil, user) == "/run/user/1/waggle.sock")
        #expect(path(nil, user, isRoot: true) == "/run/waggle/waggle.sock")
        #expect(path(nil, [:]) == "/run/waggle/waggle.sock")
        #expect(
            path(nil, user, present: ["/run/waggle/waggle.sock"]) == "/run/waggle/waggle.sock"
        )
        let both = ["/run/waggle/waggle.sock", "/run/user/1/waggle.sock"]
        #expect(path(nil, user, present: both) == "/run/user/1/waggle.sock")
    }
}
