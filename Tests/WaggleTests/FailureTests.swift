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
        let failure = CommandFailure(.failed, what: "status", why: "a\nb", advice: "do c")
        #expect(failure.line == "waggle: status: a b; do c")
        #expect(CommandFailure(.failed, what: "", why: "x").line == "waggle: x")
    }
}
