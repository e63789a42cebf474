import HTTPAPI
import Testing
import waggle

@Suite("Failures of commands")
struct FailureTests {
    private func failure(_ error: any Error, _ words: String...) -> CommandFailure {
        CommandFailure(error, in: words) { _ in "Error: Unknown option\n  '--x'." }
    }

    @Test("the line is one line in the form what: why; what to do")
    func lines() {
        let failure = CommandFailure(.failed, what: "status", why: "a\nb\r\nc", advice: "do d")
        #expect(failure.line == "waggle: status: a b c; do d")
        #expect(CommandFailure(.failed, what: "", why: "x").line == "waggle: x")
    }

    @Test("the parser's words become one line and exit 2")
    func parser() {
        struct Unknown: Error {}
        let found = failure(Unknown(), "sandbox", "add")
        #expect(found.status == .usage)
        #expect(
            found.line
                == "waggle: sandbox add: Unknown option '--x'; see 'waggle sandbox add --help'"
        )
        #expect(failure(Unknown()).line == "waggle: Unknown option '--x'; see 'waggle --help'")
    }

    @Test("a key of a body is told as the flag it came from")
    func fields() {
        let error = FieldError(path: "taskAlias[1]", .wrong(found: "\"\"", allowed: "a name"))
        let found = failure(error, "endpoint", "add")
        #expect(found.status == .usage)
        #expect(
            found.line == "waggle: endpoint add: --task-alias: found \"\"; allowed is a name"
        )
        #expect(CommandFailure.flag("name", in: ["endpoint", "add"]) == "--name")
        #expect(CommandFailure.flag("name", in: ["sandbox", "add"]) == "NAME")
        #expect(CommandFailure.flag("resolvConf", in: ["sandbox", "add"]) == "--resolv-conf")
        #expect(CommandFailure.flag("", in: []) == "")
    }

    @Test("a daemon that is not there is exit 3, and the advice fits the reason")
    func unreachable() {
        let gone = failure(APIClientError.unreachable(path: "/s", .absent), "status")
        #expect(gone.status == .unreachable)
        #expect(
            gone.line == "waggle: status: no daemon answers at /s (no such file); start it with "
                + "'waggle daemon' or name its socket with --socket"
        )
        let denied = failure(APIClientError.unreachable(path: "/s", .denied), "status")
        #expect(denied.advice == "run as root or join the socket's group")
        #expect(failure(APIClientError.timeout(milliseconds: 1), "status").status == .failed)
    }

    @Test(
        "an answer's status becomes an exit code",
        arguments: [
            (200, nil), (201, nil), (204, nil), (400, CommandStatus.usage), (404, .absent),
            (405, .failed), (409, .failed), (413, .failed), (500, .failed), (503, .failed),
        ]
    )
    func statuses(status: Int, wanted: CommandStatus?) {
        let response = APIResponse.failure(status, "no such thing")
        #expect(CommandFailure(response, in: ["sandbox", "rm"])?.status == wanted)
    }

    @Test("an answer's message is the reason")
    func messages() {
        let absent = CommandFailure(.failure(404, "no sandbox \"x\""), in: ["sandbox", "rm"])
        #expect(
            absent?.line == "waggle: sandbox rm: no sandbox \"x\"; see 'waggle sandbox ls'"
        )
        let records = CommandFailure(.failure(404, "no network \"x\""), in: ["records"])
        #expect(records?.advice == "see 'waggle network ls'")
        let plain = CommandFailure(.text("oops", status: 500), in: ["status"])
        #expect(plain?.line == "waggle: status: the daemon answered 500")
    }

    @Test("the words of a command are the subcommands that exist")
    func words() {
        #expect(
            CommandPath(["sandbox", "add", "x"], root: Waggle.self).words == ["sandbox", "add"]
        )
        #expect(CommandPath(["--x", "status"], root: Waggle.self).words == [])
        #expect(CommandPath(["sandbox", "fly"], root: Waggle.self).words == ["sandbox"])
    }
}
