package import Base
package import Gossip
import LinuxSystem

/// A node of a ring: its thread, and how others reach it.
///
/// What is asked is left in a bounded inbox and answered by a closure, on the node's thread; `answer`
/// makes an `await` of it. No word of the domain is decided here.
package final class GossipNode: Sendable {
    private let inbox: NodeInbox
    private let thread: PinnedThread
    /// Where datagrams and streams come in.
    package let endpoint: SocketEndpoint

    /// Binds and begins to gossip, alone until it joins somebody or somebody joins it.
    ///
    /// `onEvents`: called on the node's thread when there are events after there were none.
    /// Throws: `SystemError` of what cannot be opened.
    package init(
        _ settings: GossipSettings,
        onEvents: @escaping @Sendable () -> Void = {}
    ) throws {
        let inbox = try NodeInbox(limits: settings.limits, onEvents: onEvents)
        let sockets = try NodeSockets(boundTo: settings.bind, signal: inbox.signal)
        let seed = KernelRandom.uint64()
        endpoint = sockets.endpoint
        self.inbox = inbox
        thread = try PinnedThread(name: "waggle-gossip") {
            do throws(SystemError) {
                var loop = try GossipLoop(settings, sockets: sockets, inbox: inbox, seed: seed)
                loop.run()
            } catch {
                // Memory for its buffers, and nothing else: a node that has none hears nobody.
                preconditionFailure("\(error)")
            }
        }
    }

    deinit { inbox.post(.stop) }

    /// Written by the node's thread, read by anybody at any time.
    package var counters: GossipCounters { inbox.counters }

    /// Every member, in the order in which they came.
    package func members(_ reply: @escaping GossipReply<[MemberReport]>) {
        inbox.post(.members(reply))
    }

    package func counts(_ reply: @escaping GossipReply<NodeCounts>) {
        inbox.post(.counts(reply))
    }

    /// Becomes and stays a member of the ring of whoever answers at one of these.
    package func join(_ peers: [PeerAddress]) {
        inbox.post(.join(peers))
    }

    /// Says something else of itself: `Alive.metaOctetsMax` octets at most.
    package func update(meta: [UInt8]) {
        precondition(meta.count <= Alive.metaOctetsMax, "a meta of \(meta.count) octets")
        inbox.post(.update(meta: meta))
    }

    /// Leaves the ring; answered when the ring was told, or could not be for too long.
    package func leave(_ reply: @escaping GossipReply<Void>) {
        inbox.post(.leave(reply))
    }

    /// Says that this node ends and will be back; answered when the ring was told, as far as it can be.
    package func announceRestart(_ reply: @escaping GossipReply<Void>) {
        inbox.post(.restart(reply))
    }

    /// Takes a member that is dead for one that left, on every node.
    ///
    /// `isPrune`: it is forgotten altogether, where the delegate knows how.
    package func forget(
        _ member: NodeName,
        isPrune: Bool = false,
        _ reply: @escaping GossipReply<Void>
    ) {
        inbox.post(.forget(member, isPrune: isPrune, reply))
    }

    /// Says something to all members, where the delegate is serf.
    package func tell(_ event: UserEvent) {
        inbox.post(.tell(event))
    }

    /// Says other tags of itself, where the delegate is serf.
    package func update(tags: SerfTags) {
        inbox.post(.tags(tags))
    }

    /// Changes the keys, if a change is given, and lists them; the first one seals.
    package func keys(
        _ change: KeyChange? = nil,
        _ reply: @escaping GossipReply<[KeyReport]>
    ) {
        inbox.post(.keys(change, reply))
    }

    /// Attaches to networks and detaches from them, and changes own entries, in this order; where the
    /// delegate has tables.
    package func change(_ inputs: [TableRing.Input]) {
        inbox.post(.tables(inputs))
    }

    /// Has all that is kept of each network be among the news.
    package func askForSnapshots() {
        inbox.post(.snapshot)
    }

    /// What is new in tables since the last time, oldest first; whether some was lost, so that
    /// snapshots have to be asked for.
    package func takeTableNews() -> (news: [TableNews], isLost: Bool) { inbox.takeTableNews() }

    /// The events since the last time, oldest first.
    package func takeEvents() -> RingEvents { inbox.takeEvents() }

    /// Stops without leaving: to the others this node is dead until it starts again.
    ///
    /// The sockets are closed when this returns. Not to be called on the node's thread.
    package func stop() {
        inbox.post(.stop)
        thread.join()
    }

    /// What a question is answered, for those who can wait.
    package static func answer<Value: Sendable>(
        _ ask: (@escaping GossipReply<Value>) -> Void
    ) async throws(GossipNodeError) -> Value {
        let result = await withCheckedContinuation { continuation in
            ask { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}
