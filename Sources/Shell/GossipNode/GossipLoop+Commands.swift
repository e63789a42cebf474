import Base
import Gossip
import LinuxSystem

/// What others ask of the node, and what it tells them.
extension GossipLoop {
    mutating func takeCommands() {
        let now = Clock.now()
        for command in inbox.take() {
            switch command {
            case .members(let reply): reply(.success(reports))
            case .counts(let reply): reply(.success(counts))
            case .join(let peers): membership.handle(.join(peers), at: now)
            case .update(let meta): membership.handle(.update(meta: meta), at: now)
            case .leave(let reply):
                leaving.append(reply)
                membership.handle(.leave, at: now)
            case .forget(let name, let reply):
                guard membership.table[name] != nil else {
                    reply(.failure(.unknownMember(name)))
                    continue
                }
                membership.handle(.forget(name), at: now)
                reply(.success(()))
            case .keys(let change, let reply):
                do throws(KeyRingFault) {
                    if let change { try apply(change) }
                    reply(.success(keys))
                } catch {
                    reply(.failure(.keys(error)))
                }
            case .stop: isStopped = true
            }
        }
        obey(at: now)
    }

    /// Changes the keys for the next message.
    private mutating func apply(_ change: KeyChange) throws(KeyRingFault) {
        var ring = codec.ring
        switch change {
        case .add(let key): try ring.add(key)
        case .use(let key): try ring.use(key)
        case .remove(let key): try ring.remove(key)
        }
        // What waits was sealed with the keys that it was written for.
        flush()
        codec.install(ring)
    }

    private var keys: [KeyReport] {
        codec.ring.keys.enumerated().map { place, key in
            KeyReport(
                fingerprint: KeyCipher.fingerprint(of: key),
                bits: 8 * key.octets.count,
                isPrimary: place == 0
            )
        }
    }

    private var reports: [MemberReport] {
        membership.table.names.compactMap { report(of: $0) }
    }

    /// nil for a member that is not in the table.
    func report(of name: NodeName) -> MemberReport? {
        guard let member = membership.table[name] else { return nil }
        let address = member.word.address.address
        return MemberReport(
            name: name,
            address: address.map { PeerAddress($0, port: member.word.port) },
            state: member.state,
            incarnation: member.incarnation,
            meta: member.word.meta,
            versions: member.word.versions,
            isDrained: false,
            roundTrip: nil,
            since: member.since,
            isOwn: name == settings.name
        )
    }

    private var counts: NodeCounts { NodeCounts() }
}
