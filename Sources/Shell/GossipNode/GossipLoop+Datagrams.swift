import Base
import Gossip
import GossipWire
import LinuxSystem

/// Datagrams: taken in batches and read, written and sent in batches.
extension GossipLoop {
    /// Takes what waits, so many batches at most.
    mutating func receiveDatagrams(_ ready: Poller.Interest) {
        if !ready.isDisjoint(with: .failed) { takeErrors() }
        for _ in 0..<Self.batchesPerTurnMax {
            let count: Int
            counters.add(.receives)
            do throws(SystemError) {
                count = try batch.receive(from: sockets.datagrams.raw, limit: .max)
            } catch {
                // What was heard of an earlier datagram is told here once, and in the error queue.
                takeErrors()
                continue
            }
            if count == 0 { return }
            counters.add(.datagramsIn, count)
            let now = Clock.now()
            for index in 0..<count { read(index, at: now) }
            let opened = codec.cipher.takeOpened()
            counters.add(.opened, opened.all)
            counters.add(.openedByOlderKey, opened.byOlderKey)
            obey(at: now)
            if count < Self.batchMax { return }
        }
    }

    private mutating func read(_ index: Int, at now: Moment) {
        batch.read(index) { datagram in
            if datagram.isTooLong {
                counters.add(.refusedTooLong)
                return
            }
            guard let peer = datagram.source else {
                counters.add(.refusedSource)
                return
            }
            counters.add(.datagramOctetsIn, datagram.octets.count)
            let report = codec.reader.read(datagram.octets) { frame in
                codec.cipher.open(frame)
            } each: { message, _ in
                membership.handle(.message(message, from: peer), at: now)
            }
            counters.add(report)
        }
    }

    /// Tells the engine whose ports refuse what is sent to them.
    private mutating func takeErrors() {
        let now = Clock.now()
        for _ in 0..<Self.batchMax {
            guard let failure = Sockets.takeError(sockets.datagrams.raw) else { break }
            guard failure.error.isRefused, let peer = failure.destination else { continue }
            counters.add(.portsRefused)
            membership.handle(.refused(peer), at: now)
        }
        obey(at: now)
    }

    /// Leaves a datagram to be sent with others.
    mutating func send(_ octets: [UInt8], to peer: PeerAddress) {
        if octets.isEmpty { return }
        if octets.count > sender.octetsMax {
            // It shall not overtake those before it.
            flush()
            sendAlone(octets, to: peer)
            return
        }
        if sender.isFull { flush() }
        sender.queue(octets, to: peer)
        counters.add(.datagramOctetsOut, octets.count)
    }

    private mutating func sendAlone(_ octets: [UInt8], to peer: SocketEndpoint) {
        counters.add(.sends)
        do throws(SystemError) {
            try Sockets.send(sockets.datagrams.raw, octets, to: peer, control: [])
            counters.add(.datagramsOut)
            counters.add(.datagramOctetsOut, octets.count)
        } catch {
            counters.add(.datagramsUnsent)
        }
    }

    /// Sends what was left to be sent.
    mutating func flush() {
        let queued = sender.queued
        if queued == 0 { return }
        counters.add(.sends)
        let sent = sender.send(from: sockets.datagrams.raw)
        counters.add(.datagramsOut, sent)
        if sent < queued { counters.add(.datagramsUnsent, queued - sent) }
    }
}
