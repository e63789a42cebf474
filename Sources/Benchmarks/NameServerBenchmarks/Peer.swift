import Foundation

/// One server of the comparison: a process that answers on a port of loopback.
struct Peer {
    let name: String
    let port: UInt16
    let process: Process

    /// Nanoseconds that its threads have spent on a CPU so far, system calls included.
    var cpuNanoseconds: Int {
        let tasks = "/proc/\(process.processIdentifier)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return threads.reduce(0) { sum, thread in
            let text = try? String(contentsOfFile: "\(tasks)/\(thread)/schedstat", encoding: .utf8)
            return sum + (text?.split(separator: " ").first.flatMap { Int($0) } ?? 0)
        }
    }

    /// Starts a program; returns when it answers `probe`, or nil when it never does.
    static func start(
        _ name: String,
        _ program: String,
        _ arguments: [String],
        port: UInt16,
        probe: Questions
    ) throws -> Peer? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let peer = Peer(name: name, port: port, process: process)
        for _ in 0..<100 where process.isRunning {
            let answer = try Load(port: port, sockets: 1, burst: 1, rate: 100, milliseconds: 10)
                .run(probe)
            if answer.answered > 0 { return peer }
        }
        peer.stop()
        return nil
    }

    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    /// A program's path; nil when it is not installed.
    static func path(of program: String) -> String? {
        ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// Questions as whole messages, asked in turn, each with two octets of length before it.
struct Questions {
    private(set) var octets: [UInt8] = []

    /// One A question for each name, with RD=1 and without EDNS.
    init(_ names: [String]) {
        for name in names {
            var message: [UInt8] = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
            for label in name.split(separator: ".") {
                message.append(UInt8(label.utf8.count))
                message += Array(label.utf8)
            }
            message += [0, 0, 1, 0, 1]
            octets += [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
        }
    }
}

/// An open load, or with `rate` 0 one question at a time; `CLoad` carries it out.
struct Load {
    var port: UInt16
    var sockets = 16
    var burst: Int
    /// Questions per second.
    var rate: Int
    var milliseconds: Int

    struct Outcome {
        let sent: Int
        let answered: Int
        let replyOctets: Int
        /// Microseconds within which half, and 99 of 100 replies came.
        let p50: Int
        let p99: Int
    }

    func run(_ questions: Questions) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(NameServerBenchmarks.programs)/CLoad")
        process.arguments = [Int(port), sockets, burst, rate, milliseconds].map { "\($0)" }
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: questions.octets)
        try input.fileHandleForWriting.close()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(),
            as: UTF8.self
        )
        process.waitUntilExit()
        let numbers = text.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
        guard process.terminationStatus == 0, numbers.count == 6 else { throw LoadError() }
        return Outcome(
            sent: numbers[0],
            answered: numbers[1],
            replyOctets: numbers[2],
            p50: numbers[3],
            p99: numbers[4]
        )
    }
}

struct LoadError: Error, CustomStringConvertible {
    let description = "CLoad did not run; `make bench` builds it"
}
