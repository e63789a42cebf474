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
                obey(output, at: now)
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
        case .answerExchange(let id, var exchange):
            exchange.userState = delegate.state()
            answer(id, with: .exchange(exchange))
            counters.add(.exchangesAnswered)
        case .closeStream(let id):
            if let stream = streams[id] { streams.close(stream, sockets.poller) }
        case .delegateState(let state, let isJoin):
            counters.add(.delegateMessages)
            if !delegate.merge(state, isJoin: isJoin, at: now) {
                counters.add(.delegateMessagesIgnored)
            }
        case .user(let octets, _): hear(octets, at: now)
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

    /// Hands a delegate's octets on.
    mutating func hear(_ octets: [UInt8], at now: Moment) {
        counters.add(.delegateMessages)
        if !delegate.hear(octets, at: now) { counters.add(.delegateMessagesIgnored) }
    }
}

extension MembershipEvent {
    /// The member it is about, where it is about one.
    fileprivate var node: NodeName? {
        switch self {
        case .joined(let node), .updated(let node), .suspected(let node), .cleared(let node),
            .drained(let node), .admitted(let node), .died(let node), .left(let node),
            .reaped(let node), .datagramsLost(let node), .conflict(let node, _):
            node
        case .incompatible, .joinFailed, .joinSucceeded, .joinRefused, .isolated, .reconnected,
            .stalled:
            nil
        }
    }
}
