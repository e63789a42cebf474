import Base
import SwarmCore

/// Snapshots on their way: in chunks, through the engine that moves them, over the same network.
extension RaftCluster {
    /// What a snapshot's mark says goes to the engine that moves its octets.
    func transfer(_ message: RaftMessage, _ host: RaftHost) {
        host.transfers.handle(.send(message), at: host.local(now))
        obeyTransfers(host)
    }

    func tellTransfers(_ host: RaftHost, _ input: SnapshotTransfers.Input) {
        guard host.isRunning else { return }
        host.transfers.handle(input, at: host.local(now))
        obeyTransfers(host)
    }

    func wakeTransfers(_ host: RaftHost) {
        guard host.isRunning, host.transfersWakeAt <= now else { return }
        host.transfersWakeAt = .max
        host.transfers.wake(at: host.local(now))
        obeyTransfers(host)
    }

    private func obeyTransfers(_ host: RaftHost) {
        while let output = host.transfers.next() {
            obey(output, host)
            if check.violation != nil { return }
        }
        guard let wake = host.transfers.nextWake else { return }
        let due = max(host.world(wake.moment), now)
        if due < host.transfersWakeAt {
            host.transfersWakeAt = due
            let place = UInt32(place(of: host.id))
            events.schedule(Happening.pieceWake.rawValue, at: due, node: place)
        }
    }

    private func obey(_ output: SnapshotTransfers.Output, _ host: RaftHost) {
        switch output {
        case .send(let message): sendPiece(message)
        case .read(let peer, let mark, let offset, let count):
            let chunk = snapshots[mark.position.index.raw].map { machine in
                let octets = machine.octets[Int(offset)..<Int(offset) + count]
                return SnapshotChunk(id: mark.id, offset: offset, octets: Array(octets))
            }
            host.transfers.handle(.read(to: peer, chunk), at: host.local(now))
        case .create(let mark): host.coming = (mark, [])
        case .write(let chunk):
            host.coming?.octets += chunk.octets
            let next = UInt64(host.coming?.octets.count ?? 0)
            host.transfers.handle(.written(id: chunk.id, next: next), at: host.local(now))
        case .verify: schedulePiece(.verified, host)
        case .discard:
            host.coming = nil
            host.arrived = nil
        case .deliver(let message):
            check.hears(message, host)
            tell(host, .received(message))
            check.heard(message, host, at: now)
            if let id = host.raft.log.installing?.id {
                host.transfers.handle(.installing(id: id), at: host.local(now))
            }
        case .moves(let peer): tell(host, .snapshotMoves(peer))
        case .ended(let peer, let isThere):
            // Sometimes this is lost, as if the process that knew had ended.
            if network.below(4) > 0 { tell(host, .snapshotSent(peer, isThere: isThere)) }
        }
    }

    private func schedulePiece(_ kind: Happening, _ host: RaftHost) {
        let wait = 200_000 + UInt64(disks.below(1_800_000))
        schedule(kind, in: wait, node: UInt32(place(of: host.id)), payload: host.incarnation)
    }

    /// What came is synced, and compared with its name.
    func didVerify(_ host: RaftHost) {
        guard let coming = host.coming else { return }
        let machine =
            coming.mark.octets == 0 ? KeyValueMachine() : KeyValueMachine(coming.octets)
        let isWhole = machine?.digest == coming.mark.id
        if isWhole { host.arrived = machine }
        tellTransfers(host, .verified(id: coming.mark.id, isWhole: isWhole))
    }

    /// A process ends: of what was written of a snapshot some is on the disk.
    func crashTransfers(_ host: RaftHost) {
        host.transfersWakeAt = .max
        host.arrived = nil
        guard let coming = host.coming else { return }
        let kept = Int(disks.below(UInt32(coming.octets.count + 1)))
        host.coming = (coming.mark, Array(coming.octets.prefix(kept)))
    }

    /// A process begins, with what its disk has of a snapshot that came.
    func restartTransfers(_ host: RaftHost) {
        host.transfers = SnapshotTransfers(
            id: host.id,
            cluster: cluster,
            rules: rules,
            found: host.coming.map { ($0.mark, UInt64($0.octets.count)) }
        )
        obeyTransfers(host)
    }

    /// The state that came with a snapshot which is installed now.
    func arrivedState(_ mark: SnapshotMark, _ host: RaftHost) -> KeyValueMachine? {
        guard host.coming?.mark == mark, let machine = host.arrived else {
            check.fail("node \(host.id.raw) installs a snapshot that did not come")
            return nil
        }
        return machine
    }

    // MARK: - The network

    private func sendPiece(_ message: SnapshotMessage) {
        figures.pieces += 1
        let from = place(of: message.from)
        let to = place(of: message.to)
        guard to < hosts.count, cuts[from] >> UInt64(to) & 1 == 0,
            !strikes(.loss, oneIn: weather.lossOneIn)
        else { return }
        schedulePiece(message, to: to)
        if strikes(.duplicate, oneIn: weather.duplicateOneIn) { schedulePiece(message, to: to) }
    }

    private func schedulePiece(_ message: SnapshotMessage, to place: Int) {
        var wait = 1_000_000 + UInt64(network.below(8_000_000))
        if strikes(.delay, oneIn: weather.delayOneIn) {
            wait += UInt64(network.below(weather.delayMax)) * Self.millisecond
        }
        schedule(.piece, in: wait, node: UInt32(place), payload: pieces.put(message))
    }

    func deliverPiece(_ event: Event) {
        let host = hosts[Int(event.node)]
        if host.pausedUntil > now, host.isRunning {
            let (kind, until) = (event.kind, host.pausedUntil)
            events.schedule(kind, at: until, node: event.node, payload: event.payload)
            return
        }
        tellTransfers(host, .received(pieces.take(event.payload)))
    }
}
