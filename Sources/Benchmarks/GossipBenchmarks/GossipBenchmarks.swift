import Base
import Foundation
import Gossip
import GossipNode
import GossipWire
import LinuxSystem

/// What a datagram costs a node: processor time of its own thread, outside the kernel.
///
/// A real node on loopback is sent datagrams from another thread, a burst at a time, no faster than it
/// reads them; what its thread has used is the kernel's own account. Each row is the least of several
/// rounds: what else the machine does only adds. The goal is 3 us for the datagrams of a ring at rest,
/// pings that are answered and answers, with and without keys. An argument is a part of the names of
/// those rows that are wanted.
@main
struct GossipBenchmarks {
    /// Microseconds for each datagram (issue 4, "Numbers").
    static let goal = 3.0
    static let rounds = 5
    static let datagramsPerRound = 100_000
    static let burst = 64

    static func main() throws {
        print("user CPU of the node's thread for each datagram, in microseconds")
        print(
            "least and median of \(rounds) rounds of \(datagramsPerRound); kernel time beside them"
        )
        var isMet = true
        let wanted = CommandLine.arguments.dropFirst().first
        for row in try Row.all() where wanted.map({ row.name.contains($0) }) ?? true {
            let result = try measure(row)
            let isGoal = row.hasGoal
            let verdict = isGoal ? (result.median <= goal ? "  met: 3.0" : "  missed: 3.0") : ""
            if isGoal, result.median > goal { isMet = false }
            let columns = [result.least, result.median, result.system].map {
                String(format: "%8.2f", $0)
            }
            let name = row.name.padding(toLength: 46, withPad: " ", startingAt: 0)
            print(name + columns.joined() + verdict)
            fflush(nil)
        }
        if wanted == nil { TableCost().report() }
        try SealCost().report()
        if !isMet { exit(1) }
    }

    struct Result {
        let least: Double
        let median: Double
        let system: Double
    }

    static func measure(_ row: Row) throws -> Result {
        var settings = GossipSettings(
            name: NodeName("n1"),
            bind: SocketEndpoint(address: .v4(IPv4Address(127, 0, 0, 1)), port: 0),
            incarnation: Incarnation(1)
        )
        settings.keys = row.keys
        let node = try GossipNode(settings)
        defer { node.stop() }
        let socket = try Sockets.datagram(
            boundTo: SocketEndpoint(address: node.endpoint.address, port: 0),
            shared: false
        )
        let feeder = Feeder(node: node, socket: socket)
        // Warm, and the members that the datagrams tell of are there.
        try feeder.feed(row.datagrams, count: 10_000)
        var user: [Double] = []
        var system: [Double] = []
        for _ in 0..<rounds {
            let before = try ThreadTimes("waggle-gossip")
            try feeder.feed(row.datagrams, count: datagramsPerRound)
            let after = try ThreadTimes("waggle-gossip")
            user.append((after.user - before.user) * 1e6 / Double(datagramsPerRound))
            system.append((after.system - before.system) * 1e6 / Double(datagramsPerRound))
        }
        user.sort()
        system.sort()
        return Result(least: user[0], median: user[rounds / 2], system: system[rounds / 2])
    }
}

/// Sends to a node no faster than it reads.
struct Feeder: ~Copyable {
    let node: GossipNode
    let socket: Descriptor

    func feed(_ datagrams: [[UInt8]], count: Int) throws {
        var sender = try DatagramSender(
            capacity: GossipBenchmarks.burst,
            octetsMax: 65_507
        )
        var reader = try DatagramBatch(capacity: 64, receiveOctets: 2048, sendOctets: 1)
        let counters = node.counters
        var next = 0
        var left = count
        while left > 0 {
            let read = counters[.datagramsIn]
            let burst = min(left, GossipBenchmarks.burst)
            for _ in 0..<burst {
                sender.queue(datagrams[next], to: node.endpoint)
                next = (next + 1) % datagrams.count
            }
            let sent = sender.send(from: socket.raw)
            guard sent == burst else { throw Failure.unsent(burst - sent) }
            left -= burst
            // The node answers some of it; nobody else does.
            _ = try reader.receive(from: socket.raw, limit: 64)
            let end = ContinuousClock.now + .seconds(5)
            while counters[.datagramsIn] < read + UInt64(burst) {
                usleep(20)
                if ContinuousClock.now > end { throw Failure.unread }
            }
        }
    }

    enum Failure: Error {
        case unsent(Int)
        case unread
        case noThread(String)
    }
}

/// What a thread of this process has used, in seconds, by the kernel's account.
struct ThreadTimes {
    let user: Double
    let system: Double

    init(_ name: String) throws {
        let folder = "/proc/self/task"
        for thread in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let octets = try? TextFile.octets(path: "\(folder)/\(thread)/stat", octetsMax: 4096)
            let text = String(decoding: octets ?? [], as: UTF8.self)
            guard text.contains("(\(name))"), let close = text.lastIndex(of: ")") else { continue }
            // proc_pid_stat(5): utime and stime are the 14th and 15th, the name is the second.
            let fields = text[close...].split(separator: " ")
            guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
            else { continue }
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            self.user = user / ticks
            self.system = system / ticks
            return
        }
        throw Feeder.Failure.noThread(name)
    }
}
