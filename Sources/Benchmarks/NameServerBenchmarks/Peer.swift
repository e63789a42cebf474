import Foundation

/// One server of the comparison: a process that answers on a port.
struct Peer {
    let name: String
    let place: Place
    let process: Process
    /// Those whose CPU counts: some servers leave the work to children.
    let processes: [Int32]

    /// Where it is asked: as many addresses from the first on, in the network namespace of a process
    /// if one is named.
    struct Place {
        var address = "127.0.0.1"
        var port: UInt16
        var addresses = 1
        var namespaceOf: Int32?
    }

    init(_ name: String, at place: Place, _ process: Process, countsChildren: Bool = true) {
        self.name = name
        self.place = place
        self.process = process
        let own = process.processIdentifier
        processes = countsChildren ? [own] + Self.descendants(of: own) : [own]
    }

    private static func descendants(of ancestor: Int32) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let parents = entries.compactMap { Int32($0) }.map { process in
            let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            let line = status?.split(separator: "\n").first { $0.hasPrefix("PPid:") }
            return (process, line.flatMap { Int32($0.dropFirst(5).filter { $0.isNumber }) })
        }
        var found: [Int32] = []
        var next = [ancestor]
        while let parent = next.popLast() {
            let children = parents.filter { $0.1 == parent }.map { $0.0 }
            found += children
            next += children
        }
        return found
    }

    /// Nanoseconds that its threads have spent on a CPU so far, system calls included.
    var cpuNanoseconds: Int {
        var sum = 0
        for process in processes {
            let tasks = "/proc/\(process)/task"
            for thread in (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? [] {
                let file = "\(tasks)/\(thread)/schedstat"
                let text = try? String(contentsOfFile: file, encoding: .utf8)
                sum += text?.split(separator: " ").first.flatMap { Int($0) } ?? 0
            }
        }
        return sum
    }

    /// Starts a program on the servers' CPU; returns when it answers `probe`, or nil when it never
    /// does.
    static func start(
        _ name: String,
        _ command: [String],
        at place: Place,
        probe: Questions,
        on cpu: Processor = .servers
    ) throws -> Peer? {
        let process = try launch(command, on: cpu)
        var first = place
        first.addresses = 1
        let load = Load(sockets: 1, burst: 1, rate: 100, milliseconds: 10)
        // A daemon with a great many names takes its time.
        for _ in 0..<600 where process.isRunning {
            if try load.run(probe, at: first).answered > 0 {
                return Peer(name, at: place, process)
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
        Peer(name, at: place, process).stop()
        return nil
    }

    static func launch(_ command: [String], on cpu: Processor) throws -> Process {
        let words = cpu.prefix + command
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
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

/// Servers have one CPU, and what asks and answers them another, so that neither is moved about.
enum Processor: Int {
    case servers = 0
    case load = 1

    /// What has to stand before a command to keep it there; nothing where that cannot be done.
    var prefix: [String] {
        guard ProcessInfo.processInfo.activeProcessorCount > 1,
            let taskset = Peer.path(of: "taskset")
        else { return [] }
        return [taskset, "-c", "\(rawValue)"]
    }
}

/// Questions as whole messages, asked in turn, each with two octets of length before it.
struct Questions {
    private(set) var octets: [UInt8] = []

    /// One A question for each name, with RD=1.
    init(_ names: [String], hasEDNS: Bool = false) {
        for name in names {
            var message: [UInt8] = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, hasEDNS ? 1 : 0]
            for label in name.split(separator: ".") {
                message.append(UInt8(label.utf8.count))
                message += Array(label.utf8)
            }
            message += [0, 0, 1, 0, 1]
            if hasEDNS { message += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] }
            octets += [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
        }
    }
}

/// An open load, or with `rate` 0 one question at a time; `CLoad` carries it out.
struct Load {
    var sockets = 16
    var burst: Int
    /// Questions per second.
    var rate: Int
    var milliseconds: Int
    /// Looks for replies all the time: for latencies under an open load.
    var spins = false
    /// Waits longer for the last replies.
    var isPatient = false

    struct Outcome {
        let sent: Int
        let answered: Int
        /// Replies with an error, and those of them that say why.
        let wrong: Int
        let explained: Int
        let replyOctets: Int
        /// Nanoseconds within which half, and 99 of 100 replies came.
        let p50: Int
        let p99: Int
    }

    func run(_ questions: Questions, at place: Peer.Place) throws -> Outcome {
        let process = Process()
        let entering = place.namespaceOf.map {
            [Peer.path(of: "nsenter") ?? "nsenter", "--net=/proc/\($0)/ns/net"]
        }
        let numbers = [Int(place.port), place.addresses, sockets, burst, rate, milliseconds]
        let words =
            (entering ?? []) + Processor.load.prefix
            + ["\(NameServerBenchmarks.programs)/CLoad", place.address]
            + numbers.map { "\($0)" } + (spins ? ["spin"] : isPatient ? ["patient"] : [])
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
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
        let told = text.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
        guard process.terminationStatus == 0, told.count == 8 else { throw LoadError() }
        return Outcome(
            sent: told[0],
            answered: told[1],
            wrong: told[2],
            explained: told[3],
            replyOctets: told[4],
            p50: told[5],
            p99: told[6]
        )
    }
}

struct LoadError: Error, CustomStringConvertible {
    let description = "CLoad did not run; `make bench` builds it"
}
