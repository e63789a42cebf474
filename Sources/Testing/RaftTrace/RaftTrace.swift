import FoundationEssentials
import Glibc
import SwarmCore

/// What became of one recorded run.
package struct TraceResult: Sendable {
    package var directives = 0
    /// The first difference, or why the run could not be carried on.
    package var failure: String?
}

/// Holds the Raft engine against a recorded run of etcd's.
package enum RaftTrace {
    /// Carries out all directives and compares what they print, without lines of etcd's log.
    package static func check(_ text: String) -> TraceResult {
        var result = TraceResult()
        do {
            let file = try TraceFile(text)
            let cluster = TraceCluster()
            var algebra = MembershipTrace()
            for directive in file.directives {
                result.directives += 1
                let printed = try run(directive, cluster, &algebra)
                let isQuiet =
                    directive.value("log-level") == "none"
                    || (cluster.isQuiet && directive.command != "log-level")
                if let difference = difference(printed, directive, isQuiet: isQuiet) {
                    result.failure = "line \(directive.line): \(directive.command): \(difference)"
                    return result
                }
            }
            if file.directives.isEmpty { result.failure = "holds no directive" }
        } catch {
            result.failure = "\(error)"
        }
        return result
    }

    /// The same directives with what this engine prints.
    package static func transcript(of text: String) throws -> String {
        let file = try TraceFile(text)
        let cluster = TraceCluster()
        var algebra = MembershipTrace()
        var result = ""
        for directive in file.directives {
            let printed = try run(directive, cluster, &algebra)
            let isQuiet = cluster.isQuiet || printed.isEmpty
            result += directive.spelling + "\n----\n" + (isQuiet ? "ok" : printed) + "\n\n"
        }
        return result
    }

    private static func run(
        _ directive: TraceFile.Directive,
        _ cluster: TraceCluster,
        _ algebra: inout MembershipTrace
    ) throws(TraceError) -> String {
        switch directive.command {
        case "committed", "vote": try QuorumTrace().run(directive)
        case "simple", "enter-joint", "leave-joint": try algebra.run(directive)
        default: try cluster.run(directive)
        }
    }

    private static func difference(
        _ printed: String,
        _ directive: TraceFile.Directive,
        isQuiet: Bool
    ) -> String? {
        let wanted = directive.expected.filter { !isLogLine($0) }
        if isQuiet {
            return wanted == ["ok"] || wanted == ["ok (quiet)"]
                ? nil : "expected nothing to be printed"
        }
        var lines = printed.split(separator: "\n").map { String($0) }
        // Where only log lines were printed there is nothing to compare.
        if lines.isEmpty, !wanted.isEmpty || directive.expected.isEmpty { lines = ["ok"] }
        if lines == wanted { return nil }
        let place = zip(lines, wanted).enumerated().first { $1.0 != $1.1 }?.offset
        let at = place ?? min(lines.count, wanted.count)
        return """
            line \(at + 1) of what is printed
              expected: \(at < wanted.count ? wanted[at] : "nothing more")
              printed:  \(at < lines.count ? lines[at] : "nothing more")
            """
    }

    private static func isLogLine(_ line: String) -> Bool {
        let word = line.drop { $0 == " " }.prefix { $0 != " " }
        return ["DEBUG", "INFO", "WARN", "ERROR", "FATAL"].contains(word)
    }
}

@main
enum RaftTraceCommand {
    static func main() {
        var paths = Array(CommandLine.arguments.dropFirst())
        let prints = paths.contains("--print")
        paths.removeAll { $0 == "--print" }
        if paths.isEmpty || paths.contains("--help") || paths.contains("-h") {
            print(
                """
                usage: raft-trace [--print] FILE...

                Holds the Raft engine against recorded runs of etcd's: interaction traces, and tables of
                quorums and of changes of the membership. Lines of the log are not compared. Ends with 1
                where a run differs, 2 where a file cannot be read.
                With --print nothing is compared: the directives come back with what this engine prints.
                """
            )
            exit(paths.isEmpty ? 2 : 0)
        }
        var failed = 0
        var isUnreadable = false
        for path in paths {
            guard let data = FileManager.default.contents(atPath: path) else {
                print("\(path): cannot be read")
                isUnreadable = true
                continue
            }
            let text = String(decoding: data, as: UTF8.self)
            if prints {
                do {
                    print(try RaftTrace.transcript(of: text), terminator: "")
                } catch {
                    failed += 1
                    print("\(path): \(error)")
                }
                continue
            }
            let result = RaftTrace.check(text)
            if let failure = result.failure {
                failed += 1
                print("\(path): FAILED at \(failure)")
            } else {
                print("\(path): ok, \(result.directives) directives")
            }
        }
        if !prints { print("\(paths.count - failed) of \(paths.count) as recorded") }
        exit(isUnreadable ? 2 : failed > 0 ? 1 : 0)
    }
}
