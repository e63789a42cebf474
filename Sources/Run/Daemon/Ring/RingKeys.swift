import Gossip
import GossipNode
import HTTPAPI
import LinuxSystem
import Synchronization

/// The ring's keys as the state directory has them; one change after another.
actor RingKeys {
    private var ring: KeyRing
    private let files: RingFiles
    private let node: GossipNode

    init(_ ring: KeyRing, files: RingFiles, node: GossipNode) {
        self.ring = ring
        self.files = files
        self.node = node
    }

    func add(_ key: RingKey) async throws -> KeyListing {
        let keys = try await change(.add(key))
        let fingerprint = KeyCipher.fingerprint(of: key)
        guard let added = keys.first(where: { $0.fingerprint == fingerprint }) else {
            throw GossipNodeError.keys(.unknown)
        }
        return KeyListing(added)
    }

    func use(_ fingerprint: String) async throws {
        _ = try await change(.use(try key(fingerprint)))
    }

    func remove(_ fingerprint: String) async throws {
        _ = try await change(.remove(try key(fingerprint)))
    }

    /// Does what a member of the ring wants done with the keys of all of them.
    func obey(_ request: SerfKeyRequest) async -> SerfKeyOutcome {
        var fresh = ring
        let outcome = fresh.obey(request)
        guard fresh != ring else { return outcome }
        do {
            switch request {
            case .list: return outcome
            case .install(let key): _ = try await change(.add(RingKey(key)))
            case .use(let key): _ = try await change(.use(RingKey(key)))
            case .remove(let key): _ = try await change(.remove(RingKey(key)))
            }
        } catch {
            return .failed(.notSaved)
        }
        return outcome
    }

    private func key(_ fingerprint: String) throws -> RingKey {
        guard let key = ring.keys.first(where: { KeyCipher.fingerprint(of: $0) == fingerprint })
        else { throw GossipNodeError.keys(.unknown) }
        return key
    }

    /// On the disk before it is in use: what was acknowledged survives a crash.
    private func change(_ change: KeyChange) async throws -> [KeyReport] {
        var fresh = ring
        do throws(KeyRingFault) {
            switch change {
            case .add(let key): try fresh.add(key)
            case .use(let key): try fresh.use(key)
            case .remove(let key): try fresh.remove(key)
            }
        } catch {
            throw GossipNodeError.keys(error)
        }
        try files.keep(fresh)
        ring = fresh
        return try await GossipNode.answer { self.node.keys(change, $0) }
    }
}

extension KeyListing {
    init(_ key: KeyReport) {
        self.init(fingerprint: key.fingerprint, bits: key.bits, isPrimary: key.isPrimary)
    }
}

/// Where the node's thread leaves questions about keys: whoever answers them comes after the node.
final class KeyDesk: Sendable {
    private let keys = Mutex<RingKeys?>(nil)

    func open(_ keys: RingKeys) {
        self.keys.withLock { $0 = keys }
    }

    /// The engine has a bound on questions that wait.
    func ask(_ request: SerfKeyRequest, _ tell: @escaping @Sendable (SerfKeyOutcome) -> Void) {
        guard let keys = keys.withLock({ $0 }) else {
            tell(.failed(.notSaved))
            return
        }
        Task { tell(await keys.obey(request)) }
    }
}
