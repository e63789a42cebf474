import Base

/// What a sender of snapshots does.
extension SnapshotTransfers {
    /// How long nothing may be heard before the offer goes again, in milliseconds; twice as long each time.
    private static let retryMin: UInt64 = 1000
    private static let retryMax: UInt64 = 8000

    func place(of peer: RaftID) -> Int? { sendings.firstIndex { $0.peer == peer } }

    mutating func begin(_ message: RaftMessage, at now: Moment) {
        guard case .snapshot(let mark) = message.body else { return }
        if let place = place(of: message.to), sendings[place].sending.mark.id == mark.id,
            sendings[place].sending.mark.position == mark.position
        {
            // It is on its way; only what Raft says of it is newer.
            sendings[place].sending.message = message
        } else {
            sendings.removeAll { $0.peer == message.to }
            let sending = Sending(
                message: message,
                mark: mark,
                retryAt: now.advanced(milliseconds: Self.retryMin),
                retryWait: Self.retryMin
            )
            let place = sendings.firstIndex { $0.peer > message.to } ?? sendings.endIndex
            sendings.insert((message.to, sending), at: place)
        }
        send(.offer(message), to: message.to)
    }

    mutating func hearOf(_ id: UInt64, next: UInt64, from peer: RaftID, at now: Moment) {
        guard let place = place(of: peer), sendings[place].sending.mark.id == id,
            next <= sendings[place].sending.mark.octets
        else { return }
        var sending = sendings[place].sending
        if next == sending.mark.octets {
            sendings.remove(at: place)
            emit(.ended(peer, isThere: true))
            return
        }
        if let known = sending.acknowledged {
            if next > known {
                sending.acknowledged = next
                sending.asked = max(sending.asked, next)
                sending.wentBackTo = nil
            } else if next == known, sending.asked > next, sending.wentBackTo != next {
                // It lacks the chunk that begins there.
                sending.asked = next
                sending.wentBackTo = next
            } else {
                return
            }
        } else {
            sending.acknowledged = next
            sending.asked = next
        }
        sending.retryWait = Self.retryMin
        sending.retryAt = now.advanced(milliseconds: Self.retryMin)
        sendings[place].sending = sending
        emit(.moves(peer))
        fillWindow(at: place)
    }

    private mutating func fillWindow(at place: Int) {
        let peer = sendings[place].peer
        let mark = sendings[place].sending.mark
        guard let acknowledged = sendings[place].sending.acknowledged else { return }
        let size = UInt64(rules.snapshotChunkOctets)
        let end = min(mark.octets, acknowledged + size * UInt64(rules.snapshotWindow))
        while sendings[place].sending.asked < end {
            let offset = sendings[place].sending.asked
            let count = min(size, mark.octets - offset)
            sendings[place].sending.asked += count
            emit(.read(to: peer, mark, offset: offset, count: Int(count)))
        }
    }

    mutating func didRead(_ chunk: SnapshotChunk?, to peer: RaftID) {
        guard let place = place(of: peer) else { return }
        guard let chunk else {
            sendings.remove(at: place)
            emit(.ended(peer, isThere: false))
            return
        }
        if chunk.id != sendings[place].sending.mark.id { return }
        counts.chunksSent += 1
        send(.chunk(chunk), to: peer)
    }

    mutating func hearRefusal(
        of id: UInt64,
        _ refusal: SnapshotRefusal,
        from peer: RaftID,
        at now: Moment
    ) {
        guard let place = place(of: peer), sendings[place].sending.mark.id == id else { return }
        if refusal == .unknown {
            // It lost what it had, or has not heard the offer.
            if sendings[place].sending.acknowledged == nil { return }
            retry(at: place, at: now)
        } else {
            sendings.remove(at: place)
            emit(.ended(peer, isThere: false))
        }
    }

    /// Nothing was heard for a while: the answer to the offer says how far it is.
    mutating func retry(at place: Int, at now: Moment) {
        counts.retries += 1
        // The other one may have lost part of what it acknowledged.
        sendings[place].sending.acknowledged = nil
        sendings[place].sending.wentBackTo = nil
        let wait = min(2 * sendings[place].sending.retryWait, Self.retryMax)
        sendings[place].sending.retryWait = wait
        sendings[place].sending.retryAt = now.advanced(milliseconds: wait)
        send(.offer(sendings[place].sending.message), to: sendings[place].peer)
    }
}
