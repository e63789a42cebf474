import Base
import BasicContainers
import Gossip

/// What nodes send: datagrams, messages over streams, and tables of members.
extension TableWorld {
    /// A stream that is answered, from the first octet to the moment by which it has to have been.
    struct StreamRecord {
        enum Answer {
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

    // MARK: Membership

    mutating func obey(_ output: consuming MembershipOutput, of node: Int) {
        let at = moment(of: node)
        switch output {
        case .datagram(let datagram):
            let packed = packing.pack(datagram)
            if !datagram.candidates.isEmpty {
                hosts[node].engine.handle(.packed(packed.taken), at: at)
            }
            let content = Parcel.Content.membership(
                datagram.messages,
                datagram.candidates,
                taken: packed.taken
            )
            seen.membershipOctets += UInt64(packed.octets)
            send(Parcel(from: node, content: content, octets: packed.octets), to: datagram.to)
        case .openStream(let id, let to, .exchange(var exchange), let until):
            exchange.userState = hosts[node].tables.state(isJoin: exchange.isJoin)
            open(id, from: node, to: to, .exchange(exchange), until: until)
        case .openStream(let id, let to, let request, let until):
            open(id, from: node, to: to, request, until: until)
        case .answerExchange(let id, var exchange, let isBrief):
            exchange.userState = hosts[node].tables.state(
                isJoin: exchange.isJoin,
                isBrief: isBrief
            )
            answer(id, exchange)
        case .closeStream(let id): close(id)
        case .delegateState(let state, _): hosts[node].tables.handle(.merged(state), at: at)
        case .user(let octets, let source):
            guard let message = read(octets) else { return }
            hosts[node].tables.handle(.said(message, from: source, isStream: false), at: at)
        case .acked(let octets, let other):
            hosts[node].tables.handle(.acked(octets, from: other), at: at)
        case .event(let event): follow(event, at: node)
        case .left: leave(node)
        }
    }

    private mutating func follow(_ event: MembershipEvent, at node: Int) {
        let word = event.member.flatMap { hosts[node].engine.table[$0]?.word }
        let at = moment(of: node)
        hosts[node].tables.handle(.membership(event, word: word), at: at)
        switch event {
        case .joinSucceeded: haveJoined(node)
        case .died(let name):
            let member = SimulatedName.node(name)
            if name == names[member], hosts[member].condition == .running, walls == 0 {
                seen.falseDeaths += 1
            }
        default: break
        }
    }

    private mutating func read(_ octets: [UInt8]) -> TableMessage? {
        if let known = broadcasts[octets] { return known }
        guard let message = shelf.codec.read(octets)?.message else { return nil }
        if broadcasts.count >= 4096 { broadcasts = [:] }
        broadcasts[octets] = message
        return message
    }

    // MARK: Tables

    mutating func obey(_ output: consuming TableRing.Output, of node: Int) {
        let at = moment(of: node)
        switch output {
        case .broadcast(let octets): hosts[node].engine.handle(.broadcast(octets), at: at)
        case .rumours(let rumours, let peer): send(rumours, from: node, to: peer)
        case .datagram(let octets, let peer):
            let message = shelf.take()
            let size = tablePacking.user(octets)
            seen.digestOctets += UInt64(size)
            send(Parcel(from: node, content: .tables(message), octets: size), to: peer)
        case .stream(let octets, let peer):
            let message = shelf.take()
            let size = tablePacking.stream(octets, saying: message)
            stream(message, octets: size, from: node, to: peer)
        case .ackPayload(let octets): hosts[node].engine.handle(.ackPayload(octets), at: at)
        case .agreed(let other): hosts[node].engine.handle(.agreed(other), at: at)
        case .exchange(let other): hosts[node].engine.handle(.exchange(other), at: at)
        case .change(let change): see(change, at: node)
        case .synced: seen.synced += 1
        case .refused: seen.refusedChanges += 1
        case .leaveMembership: hosts[node].engine.handle(.leave, at: at)
        case .restarting: seen.restartsHeard += 1
        case .restartTold: vanish(node)
        }
    }

    private mutating func send(_ rumours: [TableRumour], from node: Int, to peer: PeerAddress) {
        if preset.isLegacy(node) {
            let octets = tablePacking.compound(rumours)
            seen.rumourOctets += UInt64(octets)
            let content = Parcel.Content.tables(.rumours(rumours))
            send(Parcel(from: node, content: content, octets: octets), to: peer)
            return
        }
        let cuts = tablePacking.cut(rumours)
        var at = 0
        for (count, octets) in cuts {
            let part = cuts.count == 1 ? rumours : Array(rumours[at..<at + count])
            at += count
            seen.rumourOctets += UInt64(octets)
            let content = Parcel.Content.tables(.rumours(part))
            send(Parcel(from: node, content: content, octets: octets), to: peer)
        }
    }

    private mutating func send(_ parcel: Parcel, to address: PeerAddress) {
        count(parcel.octets, of: parcel.from)
        seen.datagrams += 1
        guard let to = SimulatedName.node(address), to < nodes else { return }
        switch weather.fate(from: parcel.from, to: to) {
        case .lost: happened.count(.drop)
        case .walled: happened.count(.walled)
        case .arrives(let delay, let again):
            if hosts[to].condition == .absent { return }
            let number = parcels.put(parcel)
            let kind = Kind.parcel.rawValue
            queue.schedule(kind, at: now + delay, node: UInt32(to), payload: number)
            guard let again else { return }
            happened.count(.duplicate)
            let second = parcels.put(parcel)
            queue.schedule(kind, at: now + again, node: UInt32(to), payload: second)
        }
    }

    private mutating func count(_ octets: Int, of node: Int) {
        octetsThisSecond += UInt64(octets)
        ownOctetsThisSecond[node] += UInt64(octets)
    }

    /// A message over a stream of its own: what does not get there is nobody's to notice.
    private mutating func stream(
        _ message: TableMessage,
        octets: Int,
        from node: Int,
        to address: PeerAddress
    ) {
        count(octets, of: node)
        seen.streams += 1
        seen.streamOctets += UInt64(octets)
        guard let to = SimulatedName.node(address), to < nodes, hosts[to].condition != .absent
        else { return }
        streamSerial = (streamSerial + 1) & 0x7fff_ffff
        let delay = weather.streamDelay(
            from: node,
            to: to,
            number: UInt64(streamSerial),
            limit: 10_000_000_000
        )
        guard let delay else {
            happened.count(.walled)
            return
        }
        var parcel = Parcel(from: node, content: .tables(message), octets: octets)
        parcel.isStream = true
        queue.schedule(
            Kind.parcel.rawValue,
            at: now + delay + UInt64(octets) * GossipRing.nanosecondsPerOctet,
            node: UInt32(to),
            payload: parcels.put(parcel)
        )
    }

    // MARK: Streams that are answered

    private mutating func open(
        _ id: StreamID,
        from node: Int,
        to address: PeerAddress,
        _ request: StreamRequest,
        until: Moment
    ) {
        let ahead = hosts[node].clockAhead
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
        let deadline = max(now, until.nanoseconds > ahead ? until.nanoseconds - ahead : 0)
        queue.schedule(
            Kind.streamTimeout.rawValue,
            at: deadline,
            node: UInt32(node),
            payload: number
        )
        guard acceptor < nodes, hosts[acceptor].condition != .absent else { return }
        let octets = octets(of: request, from: node)
        let delay = weather.streamDelay(
            from: node,
            to: acceptor,
            number: UInt64(streamSerial),
            limit: deadline - now
        )
        guard let delay else {
            happened.count(.walled)
            return
        }
        streams[number].references += 1
        queue.schedule(
            Kind.streamAsked.rawValue,
            at: now + delay + UInt64(octets) * GossipRing.nanosecondsPerOctet,
            node: UInt32(acceptor),
            payload: number
        )
    }

    private mutating func octets(of request: StreamRequest, from node: Int) -> Int {
        switch request {
        case .exchange(let exchange): return countExchange(exchange, of: node)
        case .ping:
            seen.membershipOctets += 90
            return 90
        }
    }

    private mutating func countExchange(_ exchange: StateExchange, of node: Int) -> Int {
        let octets = packing.octets(of: exchange)
        seen.exchanges += 1
        seen.exchangeOctets += UInt64(octets)
        count(octets, of: node)
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
        let octets = countExchange(exchange, of: streams[number].acceptor)
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
            at: now + delay + UInt64(octets) * GossipRing.nanosecondsPerOctet,
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
        guard let number = acceptedNumber(id) else { return }
        if !streams[number].isDone { tellFailure(number) }
        release(number)
    }

    /// The record of a stream that a node accepted; nil for one that it opened.
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

extension MembershipEvent {
    /// The member it is about, where it is about one.
    fileprivate var member: NodeName? {
        switch self {
        case .joined(let node), .updated(let node), .suspected(let node), .cleared(let node),
            .drained(let node), .admitted(let node), .died(let node), .left(let node),
            .reaped(let node), .datagramsLost(let node), .conflict(let node, _),
            .restarting(let node):
            node
        case .incompatible, .joinFailed, .joinSucceeded, .joinRefused, .isolated, .reconnected,
            .stalled:
            nil
        }
    }
}
