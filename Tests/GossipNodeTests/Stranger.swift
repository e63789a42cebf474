import Base
import Gossip
import GossipWire
import LinuxSystem

/// Somebody on loopback who is no member, and says whatever a test wants.
final class Stranger {
    let socket: Descriptor
    let target: PeerAddress

    init(_ target: PeerAddress) throws {
        self.target = target
        socket = try Sockets.datagram(
            boundTo: SocketEndpoint(address: target.address, port: 0),
            shared: false
        )
    }

    func send(_ octets: [UInt8]) throws {
        // An empty one does go out, though the helper for replies sends none.
        if octets.isEmpty { return }
        while true {
            do throws(SystemError) {
                return try Sockets.send(socket.raw, octets, to: target, control: [])
            } catch {
                if !error.isTryAgain { throw error }
            }
        }
    }

    /// The next datagram; nil when none comes within a second.
    func receive() async throws -> [UInt8]? {
        try await received(from: socket.raw)
    }
}

/// What comes next at a socket or over a stream; nil when nothing comes within `seconds`.
func received(from descriptor: Int32, seconds: Double = 1) async throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
        let count = try Sockets.receive(descriptor, into: &buffer, octetsMax: buffer.count)
        if let count { return Array(buffer[..<count]) }
        try await Task.sleep(for: .milliseconds(5))
    }
    return nil
}

/// A stream to a node, opened by somebody who keeps no rules.
final class StrangeStream {
    let descriptor: Descriptor

    init(_ target: PeerAddress) throws {
        descriptor = try Sockets.stream(connectedTo: target)
    }

    /// Sends all of it; false when the node has closed before.
    func send(_ octets: [UInt8], seconds: Double = 5) async throws -> Bool {
        var sent = 0
        let end = ContinuousClock.now + .seconds(seconds)
        while sent < octets.count, ContinuousClock.now < end {
            do throws(SystemError) {
                sent += try Sockets.send(descriptor.raw, octets, from: sent)
            } catch {
                // Not connected yet, or closed.
                if !error.isNotConnected { return false }
            }
            if sent < octets.count { try await Task.sleep(for: .milliseconds(2)) }
        }
        return sent == octets.count
    }

    /// All that comes until the node closes; nil when it does not within `seconds`.
    func answer(seconds: Double = 5) async throws -> [UInt8]? {
        var all: [UInt8] = []
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            do {
                guard let part = try await received(from: descriptor.raw, seconds: 0.2) else {
                    continue
                }
                if part.isEmpty { return all }
                all += part
            } catch {
                return all
            }
        }
        return nil
    }
}

/// Numbers without end, the same for every run.
struct Dice {
    private var generator: SeededGenerator

    init(_ seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func octets(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    mutating func below(_ bound: Int) -> Int { Int(generator.below(UInt32(bound))) }
}
