/// What a receiver of snapshots does.
extension SnapshotTransfers {
    mutating func hearOffer(_ offer: RaftMessage, from peer: RaftID) {
        guard case .snapshot(let mark) = offer.body, offer.cluster == cluster, offer.to == id,
            offer.isPossible
        else {
            counts.malformed += 1
            return
        }
        if mark.octets > rules.snapshotOctetsMax {
            refuse(mark.id, .noRoom, to: peer)
            return
        }
        if let current = receiving {
            let term = current.message?.term ?? .zero
            if current.mark == mark {
                if offer.term >= term { receiving?.message = offer }
                answer(peer)
                return
            }
            if current.isInstalling {
                // The sender asks again.
                counts.offersPutOff += 1
                return
            }
            let isNewer =
                offer.term > term
                || (offer.term == term && mark.position > current.mark.position)
            if !isNewer {
                refuse(mark.id, .outdated, to: peer)
                return
            }
            emit(.discard(current.mark))
        }
        receiving = Receiving(mark: mark, message: offer, taken: 0, written: 0)
        emit(.create(mark))
        if mark.octets == 0 {
            verifyIfComplete()
        } else {
            answer(peer)
        }
    }

    /// How far it is, and, where it is all there, Raft's message: the first may have come too late for Raft.
    private mutating func answer(_ peer: RaftID) {
        guard let receiving else { return }
        if receiving.isVerifying {
            // Not yet all; but a sender that asks hears that it is being dealt with.
            let almost = receiving.mark.octets - min(1, receiving.mark.octets)
            send(.acknowledged(id: receiving.mark.id, next: almost), to: peer)
            return
        }
        if receiving.isWhole, let message = receiving.message { emit(.deliver(message)) }
        send(.acknowledged(id: receiving.mark.id, next: receiving.written), to: peer)
    }

    private mutating func refuse(_ id: UInt64, _ why: SnapshotRefusal, to peer: RaftID) {
        counts.offersRefused += 1
        send(.refused(id: id, why), to: peer)
    }

    mutating func take(_ chunk: SnapshotChunk, from peer: RaftID) {
        guard var current = receiving, current.mark.id == chunk.id else {
            counts.chunksDropped += 1
            send(.refused(id: chunk.id, .unknown), to: peer)
            return
        }
        let size = UInt64(chunk.octets.count)
        guard size > 0, size <= UInt64(rules.snapshotChunkOctets),
            chunk.offset <= current.mark.octets, size <= current.mark.octets - chunk.offset
        else {
            counts.malformed += 1
            return
        }
        let window = UInt64(rules.snapshotChunkOctets) * UInt64(rules.snapshotWindow)
        if chunk.offset != current.taken || current.taken + size - current.written > window {
            counts.chunksDropped += 1
            answer(peer)
            return
        }
        counts.chunksTaken += 1
        current.taken += size
        receiving = current
        emit(.write(chunk))
    }

    mutating func didWrite(_ id: UInt64, next: UInt64) {
        guard var current = receiving, current.mark.id == id, next > current.written,
            next <= current.taken
        else { return }
        current.written = next
        receiving = current
        if next < current.mark.octets, let sender = current.message?.from {
            answer(sender)
        } else {
            verifyIfComplete()
        }
    }

    mutating func verifyIfComplete() {
        guard let current = receiving, current.written == current.mark.octets,
            !current.isVerifying, !current.isWhole
        else { return }
        receiving?.isVerifying = true
        emit(.verify(current.mark))
    }

    mutating func didVerify(_ id: UInt64, isWhole: Bool) {
        guard let current = receiving, current.mark.id == id, current.isVerifying else { return }
        if !isWhole {
            counts.damaged += 1
            discard(id, why: .damaged)
            return
        }
        receiving?.isVerifying = false
        receiving?.isWhole = true
        if let sender = current.message?.from { answer(sender) }
    }

    mutating func discard(_ id: UInt64, why: SnapshotRefusal) {
        guard let current = receiving, current.mark.id == id else { return }
        receiving = nil
        emit(.discard(current.mark))
        if let sender = current.message?.from { refuse(id, why, to: sender) }
    }
}
