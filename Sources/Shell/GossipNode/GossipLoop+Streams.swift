import Base
import Gossip
import GossipWire
import LinuxSystem

/// Streams: taken and opened, read, answered, closed. Source: gossip-wire.md §6.
extension GossipLoop {
    /// Takes streams that wait, a few a turn.
    mutating func acceptStreams() {
        let now = Clock.now()
        for _ in 0..<GossipStreamTable.acceptedPerTurnMax {
            guard let accepted = streams.accept(sockets.listener.raw, sockets.poller) else {
                return
            }
            guard streams.hasRoom(for: accepted.number, sockets.poller) else { continue }
            let stream = GossipStream(
                origin: .accepted(accepted.peer),
                id: streams.newAcceptedID(),
                decoder: codec.decoder(as: .accepting),
                deadline: now.advanced(milliseconds: settings.rules.streamTimeout),
                accepted.takeDescriptor()
            )
            if streams.add(stream, sockets.poller) {
                counters.add(.streamsAccepted)
            } else {
                counters.add(.streamsRefused)
            }
        }
    }

    /// Opens a stream for the engine, or tells it that there is none.
    mutating func openStream(
        _ id: StreamID,
        to peer: PeerAddress,
        _ request: StreamRequest,
        until deadline: Moment,
        at now: Moment
    ) {
        let origin: GossipStream.Origin
        let message: StreamMessage
        switch request {
        case .exchange(var exchange):
            exchange.userState = delegate.state(isJoin: exchange.isJoin)
            (origin, message) = (.openedForExchange, .exchange(exchange))
        case .ping(let ping): (origin, message) = (.openedForPing, .ping(ping))
        }
        guard streams.hasRoomToOpen, let descriptor = connect(to: peer) else {
            membership.handle(.streamFailed(id), at: now)
            return
        }
        let stream = GossipStream(
            origin: origin,
            id: id,
            decoder: codec.decoder(as: .initiating),
            deadline: deadline,
            descriptor
        )
        stream.queue(codec.octets(of: message, as: .initiating))
        if streams.add(stream, sockets.poller) {
            counters.add(.streamsOpened)
        } else {
            membership.handle(.streamFailed(id), at: now)
        }
    }

    /// Says something over a stream of its own; nobody answers it there.
    mutating func say(_ octets: [UInt8], to peer: PeerAddress, at now: Moment) {
        guard streams.hasRoomToOpen, let descriptor = connect(to: peer) else {
            counters.add(.streamsUnreachable)
            return
        }
        let stream = GossipStream(
            origin: .openedToSay,
            id: streams.newAcceptedID(),
            decoder: codec.decoder(as: .initiating),
            deadline: now.advanced(milliseconds: settings.rules.streamTimeout),
            descriptor
        )
        stream.stage = .answering
        stream.queue(codec.octets(of: .user(octets), as: .initiating))
        if streams.add(stream, sockets.poller) { counters.add(.streamsOpened) }
    }

    private func connect(to peer: PeerAddress) -> Descriptor? {
        guard let descriptor = try? Sockets.stream(connectedTo: peer) else {
            counters.add(.streamsUnreachable)
            return nil
        }
        guard descriptor.raw <= settings.limits.descriptorMax else {
            counters.add(.openedRefused)
            return nil
        }
        return descriptor
    }

    /// Reads and writes what a stream is ready for.
    mutating func serveStream(_ id: StreamID, _ ready: Poller.Interest) {
        guard let stream = streams[id] else { return }
        let now = Clock.now()
        if ready.isReadable { read(stream, at: now) }
        if ready.isWritable, streams[id] != nil { write(stream, at: now) }
        obey(at: now)
    }

    private mutating func read(_ stream: GossipStream, at now: Moment) {
        let before = stream.octetsIn
        let reading = stream.read(&streams.scratch, &codec.cipher)
        counters.add(.streamOctetsIn, stream.octetsIn - before)
        switch reading {
        case .nothing:
            if stream.octetsIn > GossipStreamTable.readOctetsMax,
                let heaviest = streams.heaviest()
            {
                counters.add(.streamsEvicted)
                fail(heaviest, at: now)
            }
        case .message(let message):
            if stream.origin.isAccepted {
                takeQuestion(message, on: stream, at: now)
            } else {
                takeAnswer(message, on: stream, at: now)
            }
        case .fault(let fault):
            counters.add(fault)
            refuse(stream, fault, at: now)
        case .ended(let isBroken):
            if isBroken { countBroken(stream) }
            fail(stream, at: now)
        }
    }

    /// What a peer asks.
    private mutating func takeQuestion(
        _ message: StreamMessage,
        on stream: GossipStream,
        at now: Moment
    ) {
        switch message {
        case .exchange(let exchange):
            counters.add(.exchangesAsked)
            stream.stage = .waiting
            streams.watch(stream, for: [], sockets.poller)
            membership.handle(.exchangeAsked(stream.id, exchange), at: now)
        case .ping(let ping) where ping.node.isEmpty || ping.node == settings.name:
            counters.add(.streamPings)
            answer(stream.id, with: .ack(Ack(sequence: ping.sequence)))
        case .user(let octets):
            counters.add(.streamUserMessages)
            streams.close(stream, sockets.poller)
            hear(octets, from: nil, isStream: true, at: now)
        case .ping, .ack, .error:
            counters.add(.strangersAsked)
            streams.close(stream, sockets.poller)
        }
    }

    /// What a peer answers.
    private mutating func takeAnswer(
        _ message: StreamMessage,
        on stream: GossipStream,
        at now: Moment
    ) {
        switch (message, stream.origin) {
        case (.exchange(let exchange), .openedForExchange):
            streams.close(stream, sockets.poller)
            membership.handle(.exchangeAnswered(stream.id, exchange), at: now)
        case (.ack(let ack), .openedForPing):
            counters.add(.streamAcks)
            streams.close(stream, sockets.poller)
            membership.handle(.streamAck(stream.id, ack), at: now)
        case (.error, _):
            counters.add(.errorsHeard)
            fail(stream, at: now)
        default:
            counters.add(.streamFaultMessage)
            fail(stream, at: now)
        }
    }

    /// Sends the last that goes over a stream.
    mutating func answer(_ id: StreamID, with message: StreamMessage) {
        // It may have been closed while the engine thought.
        guard let stream = streams[id] else { return }
        stream.stage = .answering
        stream.queue(codec.octets(of: message, as: .accepting))
        write(stream, at: Clock.now())
    }

    /// Tells a peer why its stream is closed, where that is said, and closes it.
    private mutating func refuse(_ stream: GossipStream, _ fault: StreamFault, at now: Moment) {
        guard stream.origin.isAccepted, let reply = fault.reply else {
            fail(stream, at: now)
            return
        }
        counters.add(.errorsSent)
        // Closed with octets unread the stream would be reset, and the reply with it.
        stream.stage = .draining
        stream.queue(codec.octets(of: reply, as: .accepting))
        write(stream, at: now)
    }

    private mutating func write(_ stream: GossipStream, at now: Moment) {
        do throws(SystemError) {
            counters.add(.streamOctetsOut, try stream.flush())
        } catch {
            // A peer that refuses what is sent may have said why before it closed.
            if stream.origin.isAccepted || stream.isUnanswered {
                countBroken(stream)
                fail(stream, at: now)
            } else {
                streams.watch(stream, for: .read, sockets.poller)
            }
            return
        }
        if stream.hasQueued {
            let both = Poller.Interest.read.union(.write)
            streams.watch(
                stream,
                for: stream.stage == .answering ? .write : both,
                sockets.poller
            )
            return
        }
        switch stream.stage {
        case .answering: streams.close(stream, sockets.poller)
        case .draining:
            Sockets.finishSending(stream.descriptor.raw)
            streams.watch(stream, for: .read, sockets.poller)
        case .reading, .waiting: streams.watch(stream, for: .read, sockets.poller)
        }
    }

    private func countBroken(_ stream: GossipStream) {
        counters.add(stream.isUnanswered ? .streamsUnreachable : .streamsBroken)
    }

    /// Closes a stream that came to nothing; the engine is told of those that it opened.
    private mutating func fail(_ stream: GossipStream, at now: Moment) {
        guard streams[stream.id] != nil else { return }
        streams.close(stream, sockets.poller)
        switch stream.origin {
        case .accepted, .openedToSay: break
        case .openedForExchange, .openedForPing:
            membership.handle(.streamFailed(stream.id), at: now)
        }
    }

    /// Closes those whose time is over.
    mutating func expireStreams(at now: Moment) {
        for stream in streams.takeDue(at: now) {
            if stream.stage != .draining { counters.add(.streamsTimedOut) }
            fail(stream, at: now)
        }
        obey(at: now)
    }
}
