import Foundation
import Glibc
import Synchronization
import Testing

/// What a program left behind.
struct Outcome: Sendable, CustomStringConvertible {
    /// The exit status, or the negative number of the signal that ended it.
    let status: Int32
    let output: String
    let error: String

    /// Output without line ends around it.
    var text: String { output.trimmingCharacters(in: .whitespacesAndNewlines) }

    /// Lines of standard output that say something.
    var lines: [String] { output.split(separator: "\n").map { String($0) } }

    /// Lines of standard error that say something.
    var complaints: [String] { error.split(separator: "\n").map { String($0) } }

    var description: String { "status \(status), output \"\(text)\", error \"\(error)\"" }
}

/// Why a test cannot go on.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A program that runs beside the test until it is ended by its id.
///
/// Its output goes to files, so that nobody has to read along and a child it leaves behind holds
/// no pipe open.
final class Background: Sendable {
    /// The seconds that a program has which only has to come to its end.
    ///
    /// Long, since `ip netns add` waits for the kernel: where many namespaces are being taken down
    /// while a module is loaded that has to do with namespaces, that was more than half a minute.
    static let patience = 120.0

    let pid: Int32
    let outputPath: String
    let errorPath: String
    private let process: Mutex<Process>

    /// Starts `words`; the first one is looked up like a shell does.
    ///
    /// `lines`: what it reads as it is written, instead of `input`.
    init(
        _ words: [String],
        in folder: Folder,
        input: String? = nil,
        lines: Pipe? = nil,
        environment: [String: String] = [:]
    ) throws {
        guard let first = words.first, let program = Tool.path(first) else {
            throw HarnessError("\(words.first ?? "nothing"): not found")
        }
        let files = folder.files()
        outputPath = files.output
        errorPath = files.error
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = Array(words.dropFirst())
        process.environment = ["PATH": Tool.searchPath, "LC_ALL": "C.UTF-8"]
            .merging(Self.sanitizerOptions) { $1 }
            .merging(environment) { $1 }
        process.currentDirectoryURL = URL(filePath: folder.path)
        var handles = [try Self.file(files.output), try Self.file(files.error)]
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        if let input {
            try Data(input.utf8).write(to: URL(filePath: files.input))
            guard let handle = FileHandle(forReadingAtPath: files.input) else {
                throw HarnessError("\(files.input): cannot be read")
            }
            process.standardInput = handle
            handles.append(handle)
        } else if let lines {
            process.standardInput = lines
        } else {
            process.standardInput = FileHandle.nullDevice
        }
        try process.run()
        pid = process.processIdentifier
        // The program has its own by now, and these would stay open for as long as Foundation
        // keeps what belongs to a process.
        for handle in handles { try handle.close() }
        self.process = Mutex(process)
    }

    /// How a program built with a sanitizer is to behave: as the one that tests it was told.
    private static let sanitizerOptions = ProcessInfo.processInfo.environment
        .filter { ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"].contains($0.key) }

    private static func file(_ path: String) throws -> FileHandle {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw HarnessError("\(path): cannot be made") }
        return handle
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    var output: String { Folder.text(outputPath) }

    var error: String { Folder.text(errorPath) }

    func send(_ signal: Int32) {
        // A process that has ended may have left its number to another one.
        if isRunning { kill(pid, signal) }
    }

    /// How it ended; nil when it has not within `seconds`.
    func end(within seconds: Double) async -> Int32? {
        guard await eventually(within: seconds, { !isRunning }) else { return nil }
        // Its status would say so, too, but not everybody who ends a daemon looks at it.
        if error.contains("Sanitizer: ") { Issue.record("a sanitizer tells: \(error)") }
        return process.withLock { process in
            process.terminationReason == .exit
                ? process.terminationStatus : -process.terminationStatus
        }
    }

    /// Ends it at once and waits until it is gone.
    func stop() async {
        send(SIGKILL)
        _ = await end(within: 10)
    }
}

/// Runs a program to its end, at most `seconds`.
///
/// Throws: `HarnessError` when it cannot be started or takes longer, and then has been killed.
func run(
    _ words: [String],
    input: String? = nil,
    environment: [String: String] = [:],
    seconds: Double = Background.patience
) async throws -> Outcome {
    let folder = try Folder()
    defer { folder.remove() }
    let program = try Background(words, in: folder, input: input, environment: environment)
    guard let status = await program.end(within: seconds) else {
        await program.stop()
        throw HarnessError("\(words.joined(separator: " ")): still running after \(seconds) s")
    }
    return Outcome(status: status, output: program.output, error: program.error)
}

/// Runs a program that has to succeed; its words are between spaces.
@discardableResult
func require(_ command: String, input: String? = nil) async throws -> Outcome {
    let outcome = try await run(words(command), input: input)
    guard outcome.status == 0 else { throw HarnessError("\(command): \(outcome)") }
    return outcome
}

/// Runs a program that has to succeed, given word by word: words may hold spaces.
@discardableResult
func require(_ program: String, _ first: String, _ rest: String...) async throws -> Outcome {
    let words = [program, first] + rest
    let outcome = try await run(words)
    guard outcome.status == 0 else {
        throw HarnessError("\(words.joined(separator: " ")): \(outcome)")
    }
    return outcome
}

/// What is between the spaces of a command.
func words(_ command: String) -> [String] {
    command.split(separator: " ").map { String($0) }
}

/// Whether the condition comes true within `seconds`; looked at every few milliseconds.
func eventually(
    within seconds: Double,
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    while true {
        if try await condition() { return true }
        if clock.now >= end { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
}

/// A folder of one test, removed at its end.
final class Folder: Sendable {
    let path: String
    private let count = Atomic<Int>(0)

    init() throws {
        let name = "waggle-\(getpid())-\(UUID().uuidString.prefix(8))"
        path = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in the folder.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file in the folder; returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
        return file(name)
    }

    /// Fresh names for the streams of one program.
    fileprivate func files() -> (input: String, output: String, error: String) {
        let number = count.add(1, ordering: .relaxed).newValue
        return (file("\(number).in"), file("\(number).out"), file("\(number).err"))
    }

    /// The text of a file, empty when it is not there.
    static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}
