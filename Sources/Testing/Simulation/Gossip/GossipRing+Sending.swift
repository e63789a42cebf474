import Base
import BasicContainers
import Gossip

/// What nodes send: datagrams, and tables over streams.
extension GossipRing {
    /// A stream, from the first octet to the moment by which it has to have been answered.
    struct StreamRecord: Sendable {
        enum Answer: Sendable {
            case exchange(StateExchange)
            case ack(Ack)
        }

        let opener: Int
        let openerStart: UInt32
        let id: StreamID
        let acceptor: Int
        let serial: UInt32
        var request: StreamRequest?
        var answer: Answer?
        /// Answered, failed, or given up by its opener.
        var isDone = false
        /// Events and arrivals that name it.
        var references = 1
    }

    /// The upper bit tells a stream that was accepted from one that was opened.
    private static var accepted: UInt64 { 1 << 63 }

    mutating func obey(_ output: consuming MembershipOutput, of node: Int) {
        switch output {
        case .datagram(let datagram):
            let packed = packing.pack(datagram)
            if !datagram.candidates.isEmpty {
                hosts[node].engine.handle(.packed(packed.taken), at: moment(of: node))
            }
            let parcel = Parcel(
                from: node,
                messages: datagram.messages,
                candidates: datagram.candidates,
                taken: packed.taken,
                octets: packed.octets
            )
            if hosts[node].condition == .running {
                send(parcel, to: datagram.to)
            } else {
                hosts[node].held.append(.datagram(parcel, to: datagram.to))
            }
        case .openStream(let id, let to, let request, let until):
            if hosts[node].condition == .running {
                open(id, from: node, to: to, request, until: until)
            } else {
                hosts[node].held.append(.open(id, to: to, request, until: until))
            }
        case .answerExchange(let id, let exchange, _): answer(id, exchange)
        case .closeStream(let id): close(id)
        case .event(let event): observe(event, at: node)
        case .left: leave(node)
        case .delegateState, .user, .acked: break
        }
    }

    /// Sends what waited while the node could not.
    mutating func sendHeld(_ node: Int) {
        let held = hosts[node].held
        hosts[node].held = []
        for output in held {
            switch output {
            case .datagram(let parcel, let to): send(parcel, to: to)
            case .open(let id, let to, let request, let until):
                open(id, from: node, to: to, request, until: until)
            }
        }
    }

    private mutating func send(_ parcel: Parcel, to address: PeerAddress) {
        if parcel.messages.isEmpty {
            seen.gossipDatagrams += 1
            seen.gossipOctets += UInt64(parcel.octets)
        } else {
            seen.probeDatagrams += 1
            seen.probeOctets += UInt64(parcel.octets)
        }
        octetsThisSecond += UInt64(parcel.octets)
        guard let to = SimulatedName.node(address), to < nodes else { return }
        switch weather.fate(from: parcel.from, to: to) {
        case .lost: faults.count(.drop)
        case .walled: faults.count(.walled)
        case .arrives(let delay, let again):
            if hosts[to].condition == .absent { return }
            if !weather.isOpen(from: to, to: parcel.from) { faults.count(.oneWay) }
            let number = parcels.put(parcel)
            let kind = Kind.parcel.rawValue
            queue.schedule(kind, at: now + delay, node: UInt32(to), payload: number)
            guard let again else { return }
            faults.count(.duplicate)
            let second = parcels.put(parcel)
            queue.schedule(kind, at: now + again, node: UInt32(to), payload: second)
        }
    }

    // MARK: Streams

    private mutating func open(
        _ id: StreamID,
        from node: Int,
        to address: PeerAddress,
        _ request: StreamRequest,
        until: Moment
    ) {
        let ahead = hosts[node].clockAhead
        let end = until.nanoseconds > ahead ? until.nanoseconds - ahead : 0
        let acceptor = SimulatedName.node(address) ?? nodes
        streamSerial = (streamSerial + 1) & 0x7fff_ffff
        let number = streams.put(
            StreamRecord(
                opener: node,
                openerStart: hosts[node].start,
                id: id,
                acceptor: acceptor,
                serial: streamSerial,
                request: request
            )
        )
        let deadline = max(now, end)
        // What nobody waits to see the end of has no event.
        if deadline <= self.end {
            queue.schedule(
                Kind.streamTimeout.rawValue,
                at: deadline,
                node: UInt32(node),
                payload: number
            )
        }
        guard acceptor < nodes, hosts[acceptor].condition != .absent else { return }
        let octets = octets(of: request)
        let delay = weather.streamDelay(
            from: node,
            to: acceptor,
            number: UInt64(streamSerial),
            limit: deadline - now
        )
        guard let delay else {
            faults.count(.walled)
            return
        }
        streams[number].references += 1
        queue.schedule(
            Kind.streamAsked.rawValue,
            at: now + delay + UInt64(octets) * Self.nanosecondsPerOctet,
            node: UInt32(acceptor),
            payload: number
        )
    }

    private mutating func octets(of request: StreamRequest) -> Int {
        switch request {
        case .exchange(let exchange): return count(packing.octets(of: exchange))
        case .ping:
            seen.probeOctets += 90
            return 90
        }
    }

    private mutating func count(_ octets: Int) -> Int {
        seen.exchanges += 1
        seen.exchangeOctets += UInt64(octets)
        octetsThisSecond += UInt64(octets)
        return octets
    }

    /// A question arrives at the node that accepted the stream.
    mutating func ask(_ number: UInt32, of node: Int, at now: Moment) {
        let stream = streams[number]
        defer { release(number) }
        guard let request = stream.request else { return }
        streams[number].request = nil
        switch request {
        case .exchange(let exchange):
            let id = StreamID(Self.accepted | UInt64(stream.serial) << 32 | UInt64(number))
            streams[number].references += 1
            hosts[node].engine.handle(.exchangeAsked(id, exchange), at: now)
        case .ping(let ping):
            guard ping.node.isEmpty || ping.node == names[node] else { return }
            streams[number].answer = .ack(Ack(sequence: ping.sequence))
            sendAnswer(number, octets: 30)
        }
    }

    private mutating func answer(_ id: StreamID, _ exchange: StateExchange) {
        guard let number = acceptedNumber(id) else { return }
        let octets = count(packing.octets(of: exchange))
        streams[number].answer = .exchange(exchange)
        sendAnswer(number, octets: octets)
        release(number)
    }

    /// Octets go back over a stream that stands already.
    private mutating func sendAnswer(_ number: UInt32, octets: Int) {
        let stream = streams[number]
        guard weather.isOpen(from: stream.acceptor, to: stream.opener) else { return }
        let delay = DelayTable.nanoseconds(chance.draw(.stream, UInt64(stream.serial), 99))
        streams[number].references += 1
        queue.schedule(
            Kind.streamAnswered.rawValue,
            at: now + delay + UInt64(octets) * Self.nanosecondsPerOctet,
            node: UInt32(stream.opener),
            payload: number
        )
    }

    /// The answer arrives at the node that opened the stream.
    mutating func answer(_ number: UInt32, to node: Int, at now: Moment) {
        let stream = streams[number]
        defer { release(number) }
        guard !stream.isDone, hosts[node].start == stream.openerStart else { return }
        streams[number].isDone = true
        streams[number].answer = nil
        switch stream.answer {
        case .exchange(let exchange)?:
            hosts[node].engine.handle(.exchangeAnswered(stream.id, exchange), at: now)
        case .ack(let ack)?: hosts[node].engine.handle(.streamAck(stream.id, ack), at: now)
        case nil: break
        }
    }

    /// The stream's time is over, or its other end closed it: an arrival like any other.
    mutating func fail(_ number: UInt32, at now: Moment) {
        let stream = streams[number]
        defer { release(number) }
        guard hosts[stream.opener].start == stream.openerStart else { return }
        hosts[stream.opener].engine.handle(.streamFailed(stream.id), at: now)
    }

    mutating func endStream(_ number: UInt32) {
        let stream = streams[number]
        if !stream.isDone, hosts[stream.opener].start == stream.openerStart {
            tellFailure(number)
        }
        release(number)
    }

    private mutating func tellFailure(_ number: UInt32) {
        streams[number].isDone = true
        streams[number].references += 1
        queue.schedule(
            Kind.streamFailed.rawValue,
            at: now,
            node: UInt32(streams[number].opener),
            payload: number
        )
    }

    private mutating func close(_ id: StreamID) {
        if id.value & Self.accepted == 0 { return }
        guard let number = acceptedNumber(id) else { return }
        if !streams[number].isDone { tellFailure(number) }
        release(number)
    }

    /// The record of a stream that a node accepted; nil once it is over.
    private func acceptedNumber(_ id: StreamID) -> UInt32? {
        guard id.value & Self.accepted != 0 else { return nil }
        return UInt32(truncatingIfNeeded: id.value)
    }

    /// One who named the stream does so no more.
    mutating func release(_ number: UInt32) {
        streams[number].references -= 1
        if streams[number].references == 0 { _ = streams.take(number) }
    }
}
