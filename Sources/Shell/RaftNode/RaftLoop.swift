import Base
import ClusterWire
import LinuxSystem
import SwarmCore

/// The one thread of a manager's consensus: hears all that waits, lets the engines judge, does what they say.
///
/// Persist, send, apply: outputs are obeyed in order, in `obey`. Nothing here waits for a disk; the journal
/// has a thread of its own, and what it says comes through the inbox.
struct RaftLoop<Machine: StateMachine>: ~Copyable {
    /// What a client waits for.
    struct Pending {
        let reply: RaftReply<[UInt8]>
        var position: LogPosition?
    }

    /// A read that may be answered once its index is applied.
    struct Reading {
        let index: LogIndex
        let reply: RaftReply<Machine>
    }

    /// The two ways to one peer: what Raft says does not wait behind a snapshot.
    struct Links {
        let consensus: PeerLink
        let snapshots: PeerLink
    }

    static var readOctetsMax: Int { 256 << 10 }

    let settings: RaftNodeSettings
    let inbox: RaftInbox<Machine>
    let desk: JournalDesk<Machine>
    var raft: Raft
    var transfers: SnapshotTransfers
    var machine: Machine
    var status = RaftNodeStatus()

    private let poller: Poller
    private let listener: Descriptor
    private var addresses: [RaftID: SocketEndpoint]
    private var links: [RaftID: Links] = [:]
    private var nextLink = Token.links
    private var streams: [UInt64: PeerStream] = [:]
    private var nextStream = Token.streams
    private var scratch = [UInt8](repeating: 0, count: readOctetsMax)

    /// Proposals of this turn.
    private var batch: [RaftProposal] = []
    var pending: [ProposalTag: Pending] = [:]
    var changing: [ProposalTag: RaftReply<Void>] = [:]
    /// Results of entries that somebody here waits for, until the engine says what became of them.
    var results: [LogIndex: [UInt8]] = [:]
    var awaited: Set<LogIndex> = []
    var readers: [ReadTag: RaftReply<Machine>] = [:]
    var readings: [Reading] = []
    var lastTag: UInt64 = 0

    /// States of snapshots that came whole and wait to be installed.
    var arrived: [UInt64: Machine] = [:]
    var sinceSnapshot = 0
    var octetsSinceSnapshot = 0
    var isTakingSnapshot = false
    var isLow = false
    var isStopping = false
    var failure: RaftNodeError?

    init(
        _ settings: RaftNodeSettings,
        _ inbox: RaftInbox<Machine>,
        _ desk: JournalDesk<Machine>,
        _ raft: consuming Raft,
        _ machine: Machine,
        listener: consuming Descriptor
    ) throws(SystemError) {
        let poller = try Poller()
        try poller.add(inbox.signal.raw, token: Token.inbox, for: .read)
        try poller.add(listener.raw, token: Token.listener, for: .read)
        self.settings = settings
        self.inbox = inbox
        self.desk = desk
        self.raft = raft
        self.machine = machine
        self.listener = listener
        addresses = settings.addresses
        transfers = SnapshotTransfers(
            id: settings.id,
            cluster: settings.cluster,
            rules: settings.rules
        )
        self.poller = poller
    }

    /// Runs until it is told to stop, or until the journal fails.
    consuming func run() {
        var events: [Poller.Event] = []
        publish()
        while !isStopping {
            do throws(SystemError) {
                try poller.wait(milliseconds: patience, into: &events)
            } catch {
                failure = .system(error)
                break
            }
            for post in inbox.take() { heed(post) }
            for event in events { hear(event) }
            let now = Clock.now()
            if let due = raft.nextWake?.moment, due <= now { raft.wake(at: now) }
            if let due = transfers.nextWake?.moment, due <= now { transfers.wake(at: now) }
            obey()
            dial(at: now)
            flush(at: now)
            publish()
        }
        end()
    }

    /// How long nothing has to be done, in milliseconds; rounded up, so that what is due has come.
    private var patience: Int32 {
        var due = raft.nextWake?.moment
        if let other = transfers.nextWake?.moment { due = min(due ?? other, other) }
        for (_, link) in links {
            // Snapshots are dialled for when there is one.
            let snapshots = link.snapshots.octets > 0 ? link.snapshots.dialAt : nil
            for at in [link.consensus.dialAt, snapshots] {
                if let at { due = min(due ?? at, at) }
            }
        }
        guard let due else { return 1000 }
        let now = Clock.now()
        if due <= now { return 0 }
        return Int32(clamping: (due.nanoseconds - now.nanoseconds + 999_999) / 1_000_000)
    }

    private mutating func end() {
        desk.post(.stop)
        let error = failure ?? .stopped
        status.failure = error
        publish()
        for (_, waiting) in pending { waiting.reply(.failure(.unknown)) }
        for (_, reply) in changing { reply(.failure(.unknown)) }
        for (_, reply) in readers { reply(.failure(error)) }
        for reading in readings { reading.reply(.failure(error)) }
        inbox.close(error)
    }

    private mutating func publish() {
        status.role = raft.role
        status.leader = raft.leader
        status.term = raft.term
        status.committed = raft.log.committed
        status.applied = raft.log.applied
        status.last = raft.log.lastIndex
        status.membership = raft.membership
        status.isRepairing = raft.isRepairing
        inbox.publish(status)
    }

    // MARK: - What comes

    private mutating func heed(_ post: RaftPost<Machine>) {
        let now = Clock.now()
        switch post {
        case .propose(let command, let reply):
            let tag = newTag()
            pending[tag] = Pending(reply: reply)
            propose(RaftProposal(tag: tag, content: .command(command)), at: now)
        case .change(let change, let insists, let reply):
            let tag = newTag()
            changing[tag] = reply
            let content = LogEntry.Content.membership(change)
            propose(RaftProposal(tag: tag, content: content, insists: insists), at: now)
        case .read(let reply):
            let tag = ReadTag(newTag().raw)
            readers[tag] = reply
            raft.handle(.read(tag), at: now)
        case .transfer(let target): raft.handle(.transfer(to: target), at: now)
        case .address(let id, let endpoint): addresses[id] = endpoint
        case .journal(let news): heed(news, at: now)
        case .stop: isStopping = true
        }
    }

    /// Proposals that came together are appended together.
    private mutating func propose(_ proposal: RaftProposal, at now: Moment) {
        if isLow, !proposal.content.isMembership {
            proposalEnded(proposal.tag, .refused(.noStorage))
            return
        }
        batch.append(proposal)
    }

    private mutating func newTag() -> ProposalTag {
        lastTag += 1
        return ProposalTag(lastTag)
    }

    private mutating func hear(_ event: Poller.Event) {
        switch event.token {
        case Token.inbox: break
        case Token.listener: accept()
        case Token.streams...: readStream(event.token)
        default: hearLink(event)
        }
    }

    private mutating func accept() {
        for _ in 0..<16 {
            guard let accepted = try? Sockets.accept(listener.raw) else { return }
            if streams.count >= settings.streamsMax {
                // The oldest gives way: whoever still needs it opens another.
                if let oldest = streams.keys.min() { close(oldest) }
                status.counts.streamsRefused += 1
            }
            let token = nextStream
            nextStream += 1
            let stream = PeerStream(token: token, accepted.takeDescriptor())
            guard (try? poller.add(stream.descriptor.raw, token: token, for: .read)) != nil else {
                continue
            }
            streams[token] = stream
        }
    }

    private mutating func close(_ token: UInt64) {
        if let stream = streams.removeValue(forKey: token) { poller.remove(stream.descriptor.raw) }
    }

    private mutating func readStream(_ token: UInt64) {
        guard let stream = streams[token] else { return }
        var messages: [ManagerMessage] = []
        let reading = stream.read(&scratch) { messages.append($0) }
        let now = Clock.now()
        status.counts.messagesTaken += messages.count
        for message in messages {
            switch message {
            case .raft(let message): raft.handle(.received(message), at: now)
            case .snapshot(let message): transfers.handle(.received(message), at: now)
            }
        }
        switch reading {
        case .nothing: break
        case .refused:
            status.counts.streamsRefused += 1
            close(token)
        case .ended: close(token)
        }
    }

    // MARK: - Ways to peers

    /// The ways to a member; made when they are first needed.
    private mutating func links(to peer: RaftID) -> Links {
        if let known = links[peer] { return known }
        let made = Links(
            consensus: PeerLink(token: nextLink, octetsMax: settings.outboxOctetsMax),
            snapshots: PeerLink(token: nextLink + 1, octetsMax: settings.outboxOctetsMax)
        )
        nextLink += 2
        links[peer] = made
        return made
    }

    mutating func send(_ message: ManagerMessage, to peer: RaftID) {
        let octets = message.octets
        let way = links(to: peer)
        let link: PeerLink
        if case .snapshot = message { link = way.snapshots } else { link = way.consensus }
        guard link.stage != .down || link.octets < settings.outboxOctetsMax / 4,
            link.queue(octets)
        else {
            status.counts.messagesDropped += 1
            if case .raft = message { raft.handle(.unreachable(peer), at: Clock.now()) }
            return
        }
        status.counts.messagesSent += 1
    }

    private mutating func hearLink(_ event: Poller.Event) {
        for (peer, way) in links {
            for link in [way.consensus, way.snapshots] where link.token == event.token {
                do throws(SystemError) {
                    try link.hear(event.ready, poller)
                } catch { isBroken(link, peer, error) }
                return
            }
        }
    }

    /// A way is gone; where the other end refuses connections its process is, too.
    private mutating func isBroken(_ link: PeerLink, _ peer: RaftID, _ error: SystemError) {
        let now = Clock.now()
        let wasUp = link.stage == .up
        link.drop(poller, at: now, isHasty: wasUp)
        raft.handle(.unreachable(peer), at: now)
        if error.isRefused, link.wasUp {
            link.wasUp = false
            raft.handle(.gone(peer), at: now)
        }
    }

    private mutating func dial(at now: Moment) {
        for (peer, way) in links {
            guard let endpoint = addresses[peer] else { continue }
            if let at = way.consensus.dialAt, at <= now {
                way.consensus.dial(endpoint, at: now, poller)
            }
            if way.snapshots.octets > 0, let at = way.snapshots.dialAt, at <= now {
                way.snapshots.dial(endpoint, at: now, poller)
            }
        }
    }

    private mutating func flush(at now: Moment) {
        for (peer, way) in links {
            for link in [way.consensus, way.snapshots] {
                do throws(SystemError) {
                    try link.flush(poller)
                } catch { isBroken(link, peer, error) }
            }
        }
    }

    /// Hands on the proposals that came in this turn, as one.
    mutating func proposeBatch() {
        if batch.isEmpty { return }
        raft.handle(.propose(batch), at: Clock.now())
        batch.removeAll(keepingCapacity: true)
    }
}

/// What the poller says of whom.
private enum Token {
    static let inbox: UInt64 = 1
    static let listener: UInt64 = 2
    /// Ways to peers, then streams of peers.
    static let links: UInt64 = 1 << 32
    static let streams: UInt64 = 1 << 48
}
