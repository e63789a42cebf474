import Base
import Dispatch
import Glibc
import Journal
import KeyValue
import LinuxSystem
import RaftNode
import SwarmCore
import Synchronization
import Testing

/// Managers in this process, over loopback, each with a journal of its own.
final class NodeGroup {
    typealias Node = RaftNode<KeyValueStore>

    static let cluster = ClusterIdentity(high: 5, low: 6, epoch: 1)

    let folder: String
    private(set) var nodes: [RaftID: Node] = [:]
    private var addresses: [RaftID: SocketEndpoint] = [:]
    let ids: [RaftID]
    var configure: (inout RaftNodeSettings) -> Void

    init(
        _ count: Int,
        in folder: String,
        configure: @escaping (inout RaftNodeSettings) -> Void = { _ in }
    ) throws {
        self.folder = folder
        self.configure = configure
        ids = (1...UInt64(count)).map { RaftID($0) }
        for id in ids { try start(id) }
    }

    private static var loopback: SocketEndpoint {
        get throws { try #require(SocketEndpoint("127.0.0.1", defaultPort: 0)) }
    }

    func settings(_ id: RaftID) throws -> RaftNodeSettings {
        var settings = RaftNodeSettings(
            id: id,
            cluster: Self.cluster,
            listen: try addresses[id] ?? Self.loopback,
            folder: "\(folder)/\(id.raw)",
            founders: ids,
            addresses: addresses
        )
        settings.journal.segmentOctets = 1 << 20
        settings.journal.spares = 1
        settings.journal.reserveOctets = 0
        settings.journal.lowOctets = 0
        configure(&settings)
        return settings
    }

    @discardableResult
    func start(_ id: RaftID) throws -> Node {
        let node = try Node(try settings(id))
        addresses[id] = node.endpoint
        nodes[id] = node
        for (other, running) in nodes where other != id {
            running.reach(id, at: node.endpoint)
            node.reach(other, at: running.endpoint)
        }
        return node
    }

    /// Starts a node that is no member yet.
    func join(_ id: RaftID) throws -> Node {
        let before = configure
        configure = { settings in
            before(&settings)
            settings.founders = []
        }
        defer { configure = before }
        return try start(id)
    }

    /// Ends a node as its process would; its address stays its own.
    func stop(_ id: RaftID) {
        nodes.removeValue(forKey: id)?.stop()
    }

    func stopAll() { for id in ids { stop(id) } }

    /// The leader, once there is one that all running nodes follow.
    func leader(within seconds: Int = 20) -> Node? {
        for _ in 0..<(seconds * 100) {
            let known = nodes.values.map(\.status.leader)
            if let first = known.first, let id = first, known.allSatisfy({ $0 == id }),
                let leader = nodes[id], leader.status.role == .leader
            {
                return leader
            }
            pause()
        }
        return nil
    }

    func pause(milliseconds: UInt32 = 10) { usleep(milliseconds * 1000) }

    /// Waits until something holds.
    func wait(seconds: Int = 20, until holds: () -> Bool) -> Bool {
        for _ in 0..<(seconds * 100) {
            if holds() { return true }
            pause()
        }
        return false
    }

    /// Has a command decided; tried again where there is no leader yet.
    func put(_ key: String, _ value: String, at node: Node) -> Result<[UInt8], RaftNodeError> {
        let command = KeyValueStore.put(Array(key.utf8), Array(value.utf8))
        return Self.answer { node.propose(command, $0) }
    }

    func read(at node: Node) -> Result<KeyValueStore, RaftNodeError> {
        Self.answer { node.read($0) }
    }

    /// Waits for an answer, for half a minute.
    static func answer<Value: Sendable>(
        _ ask: (@escaping RaftReply<Value>) -> Void
    ) -> Result<Value, RaftNodeError> {
        let answer = Answer<Value>()
        ask { answer.set($0) }
        return answer.wait(seconds: 30) ?? .failure(.stopped)
    }

    final class Answer<Value: Sendable>: Sendable {
        private let held = Mutex<Result<Value, RaftNodeError>?>(nil)
        private let isThere = DispatchSemaphore(value: 0)

        func set(_ value: Result<Value, RaftNodeError>) {
            held.withLock { $0 = value }
            isThere.signal()
        }

        /// Waits for it; nil when it did not come.
        func wait(seconds: Int) -> Result<Value, RaftNodeError>? {
            _ = isThere.wait(timeout: .now() + .seconds(seconds))
            return held.withLock { $0 }
        }
    }
}
