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
                if membership.hasLeft {
                    reply(.success(()))
                    continue
                }
                leaving.append(reply)
                if !delegate.leave(at: now) { membership.handle(.leave, at: now) }
            case .restart(let reply):
                if membership.hasLeft || !delegate.sayRestart(at: now) {
                    reply(.success(()))
                } else {
                    restarting.append(reply)
                }
            case .forget(let name, let isPrune, let reply):
                guard membership.table[name] != nil || delegate.status(of: name) != nil else {
                    reply(.failure(.unknownMember(name)))
                    continue
                }
                membership.handle(.forget(name), at: now)
                delegate.forget(name, isPrune: isPrune, at: now)
                reply(.success(()))
            case .tell(let event): delegate.tell(event, at: now)
            case .tags(let tags): delegate.say(tags, at: now)
            case .keys(let change, let reply):
                do throws(KeyRingFault) {
                    if let change { try apply(change) }
                    reply(.success(keys))
                } catch {
                    reply(.failure(.keys(error)))
                }
            case .keysAnswered(let question, let outcome):
                delegate.answer(question, outcome, at: now)
            case .tables(let inputs):
                for input in inputs { delegate.handle(input, at: now) }
            case .snapshot: for news in delegate.snapshots { inbox.note(news) }
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
        let names = membership.table.names
        // A delegate remembers those that membership has forgotten.
        let others = delegate.names.filter { membership.table[$0] == nil }
        return (names + others).compactMap { report(of: $0) }
    }

    /// nil for a member that is not in the table.
    func report(of name: NodeName) -> MemberReport? {
        guard let member = membership.table[name] else { return reportGone(name) }
        // One that was let go of by force, or left and then ended, has left.
        let hasLeft = member.state == .dead && delegate.status(of: name) == .left
        return MemberReport(
            name: name,
            address: member.peer,
            state: hasLeft ? .left : member.state,
            status: delegate.status(of: name),
            incarnation: member.incarnation,
            meta: member.word.meta,
            versions: member.word.versions,
            isDrained: member.isDrained,
            roundTrip: member.roundTrip == 0 ? nil : UInt64(member.roundTrip),
            since: member.since,
            isOwn: name == settings.name
        )
    }

    private func reportGone(_ name: NodeName) -> MemberReport? {
        guard let word = delegate.word(of: name), let since = delegate.since(name) else {
            return nil
        }
        return MemberReport(
            name: name,
            address: word.address.address.map { PeerAddress($0, port: word.port) },
            state: delegate.status(of: name) == .left ? .left : .dead,
            status: delegate.status(of: name),
            incarnation: word.incarnation,
            meta: word.meta,
            versions: word.versions,
            isDrained: false,
            roundTrip: nil,
            since: since,
            isOwn: false
        )
    }

    private var counts: NodeCounts {
        let table = membership.table
        return NodeCounts(
            membership: membership.counts,
            alive: table.count(of: .alive),
            suspected: table.count(of: .suspect),
            dead: table.count(of: .dead),
            left: table.count(of: .left),
            drained: table.drainedCount,
            queueDepth: membership.queueDepth,
            awareness: membership.awareness,
            isIsolated: membership.isIsolated,
            streams: streams.count,
            acceptedStreams: streams.acceptedCount,
            serf: delegate.counts,
            tables: delegate.tableReport
        )
    }
}
