import Base
import Gossip
import GossipWire
import LinuxSystem

/// The one place where what the engines say is done.
extension GossipLoop {
    /// Does all that the engines have to say, in their order.
    mutating func obey(at now: Moment) {
        while true {
            if let output = membership.next() {
                obey(output, at: now)
            } else if let output = delegate.next() {
                switch output {
                case .serf(let output): obey(output, at: now)
                case .tables(let output): obey(output, at: now)
                }
            } else {
                return
            }
        }
    }

    private mutating func obey(_ output: MembershipOutput, at now: Moment) {
        switch output {
        case .datagram(let wanted):
            let (octets, taken) = codec.datagram(
                wanted.messages,
                candidates: wanted.candidates,
                takesChecksum: wanted.takesChecksum
            )
            if codec.isSealing, !octets.isEmpty { counters.add(.sealed) }
            if !wanted.candidates.isEmpty { membership.handle(.packed(taken), at: now) }
            send(octets, to: wanted.to)
        case .openStream(let id, let peer, let request, let deadline):
            openStream(id, to: peer, request, until: deadline, at: now)
        case .answerExchange(let id, var exchange, let isBrief):
            exchange.userState = delegate.state(isJoin: exchange.isJoin, isBrief: isBrief)
            answer(id, with: .exchange(exchange))
            counters.add(.exchangesAnswered)
        case .closeStream(let id):
            if let stream = streams[id] { streams.close(stream, sockets.poller) }
        case .delegateState(let state, let isJoin):
            counters.add(.delegateMessages)
            if !delegate.merge(state, isJoin: isJoin, at: now) {
                counters.add(.delegateMessagesIgnored)
            }
        case .user(let octets, let source):
            hear(octets, from: source, isStream: false, at: now)
        case .acked(let octets, let node): delegate.hearAck(octets, from: node, at: now)
        case .event(let event):
            let node = event.node
            delegate.follow(event, node.flatMap { membership.table[$0]?.word }, at: now)
            let member = node.flatMap { report(of: $0) }
            inbox.note(RingEvent(moment: now, event: event, member: member))
        case .left:
            delegate.hasLeft(at: now)
            for reply in leaving { reply(.success(())) }
            leaving = []
        }
    }

    private mutating func obey(_ output: SerfRing.Output, at now: Moment) {
        switch output {
        case .broadcast(let octets): membership.handle(.broadcast(octets), at: now)
        case .meta(let meta): membership.handle(.update(meta: meta), at: now)
        case .leaveMembership: membership.handle(.leave, at: now)
        case .send(let octets, let peer):
            let datagram = codec.datagram([.user(octets)], takesChecksum: false)
            if codec.isSealing { counters.add(.sealed) }
            send(datagram.octets, to: peer)
        case .keys(let request, let question):
            let inbox = inbox
            settings.onKeyQuestion(request) { inbox.post(.keysAnswered(question, $0)) }
        case .event(let event):
            counters.add(.delegateEvents)
            inbox.note(event)
        // Whoever asks for the members sees it.
        case .status, .forgotten, .tagsRefused, .eventRefused: break
        }
    }

    private mutating func obey(_ output: TableRing.Output, at now: Moment) {
        switch output {
        case .broadcast(let octets): membership.handle(.broadcast(octets), at: now)
        case .rumours(let rumours, let peer):
            var left = rumours[...]
            while !left.isEmpty {
                let (octets, taken) = codec.datagram(saying: left)
                if codec.isSealing { counters.add(.sealed) }
                send(octets, to: peer)
                left = left.dropFirst(taken)
            }
        case .datagram(let octets, let peer):
            let datagram = codec.datagram([.user(octets)], takesChecksum: false)
            if codec.isSealing { counters.add(.sealed) }
            send(datagram.octets, to: peer)
        case .stream(let octets, let peer): say(octets, to: peer, at: now)
        case .ackPayload(let octets): membership.handle(.ackPayload(octets), at: now)
        case .agreed(let node): membership.handle(.agreed(node), at: now)
        case .exchange(let node): membership.handle(.exchange(node), at: now)
        case .change(let change): inbox.note(.change(change))
        case .synced(let network): inbox.note(.synced(network))
        case .refused(let change, let refusal): inbox.note(.refused(change, refusal))
        case .leaveMembership: membership.handle(.leave, at: now)
        case .restarting(let node):
            inbox.note(
                RingEvent(moment: now, event: .restarting(node), member: report(of: node))
            )
        case .restartTold:
            for reply in restarting { reply(.success(())) }
            restarting = []
        }
    }

    /// Hands a delegate's octets on.
    mutating func hear(
        _ octets: [UInt8],
        from source: PeerAddress?,
        isStream: Bool,
        at now: Moment
    ) {
        counters.add(.delegateMessages)
        if !delegate.hear(octets, from: source, isStream: isStream, at: now) {
            counters.add(.delegateMessagesIgnored)
        }
    }
}

extension MembershipEvent {
    /// The member it is about, where it is about one.
    fileprivate var node: NodeName? {
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
