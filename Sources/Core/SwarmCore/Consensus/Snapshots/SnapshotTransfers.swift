package import Base

/// How a manager moves the octets of snapshots to and from others.
///
/// A snapshot goes in chunks, a window of them at a time, and goes on from where it stopped when a
/// connection, a leader or a process is lost: its name says what its octets are, whoever sends them. Raft hears
/// of it as one message, once all of it is there and found whole. One snapshot is received at a time. Nothing is
/// read, written or sent here.
///
///     sender     offer ----------> chunk chunk chunk ... ----------------->
///     receiver          <--- 0                  <--- next ...  <--- all, whole
///
/// Who hears nothing sends its offer again, and goes on from the answer. Source: raft.md §1.11.
package struct SnapshotTransfers: ~Copyable, Engine, Sendable {
    package enum Input: Sendable {
        /// Raft has this to send: a message that holds a snapshot's mark.
        case send(RaftMessage)
        /// Nothing is sent to this node any more; to nobody, where nil.
        case stop(RaftID?)
        case received(SnapshotMessage)
        /// What `read` asked for; nil where it cannot be read.
        case read(to: RaftID, SnapshotChunk?)
        /// All before `next` is written.
        case written(id: UInt64, next: UInt64)
        /// It cannot be written.
        case unwritable(id: UInt64)
        /// All of it is written, and is what its name says, or is not; Raft's next batch makes it durable.
        case verified(id: UInt64, isWhole: Bool)
        /// Raft took what was delivered, and waits until the disk has it: it may not be replaced before it has
        /// passed.
        case installing(id: UInt64)
        /// Snapshots up to this index are of no use any more.
        case passed(LogIndex)
    }

    package enum Output: Hashable, Sendable {
        case send(SnapshotMessage)
        /// Read this much of a snapshot that is to go to a node.
        case read(to: RaftID, SnapshotMark, offset: UInt64, count: Int)
        /// Make room for a snapshot of which nothing is here.
        case create(SnapshotMark)
        case write(SnapshotChunk)
        /// All of it is written: see whether it is what its name says.
        case verify(SnapshotMark)
        /// What is here of it is of no use, unless it was installed.
        case discard(SnapshotMark)
        /// It is here: Raft is to receive this, and if it takes it, `installing` is to follow at once.
        case deliver(RaftMessage)
        /// Raft is to hear `snapshotMoves`.
        case moves(RaftID)
        /// Raft is to hear `snapshotSent`.
        case ended(RaftID, isThere: Bool)
    }

    package enum WakeReason: Hashable, Sendable, CaseIterable {
        case retry
    }

    /// What it did and refused, since the start.
    package struct Counts: Hashable, Sendable {
        package var chunksSent = 0
        package var chunksTaken = 0
        /// Chunks that came twice, early, or beyond what is written.
        package var chunksDropped = 0
        /// Chunks and offers that no member could send.
        package var malformed = 0
        package var misdelivered = 0
        package var offersRefused = 0
        /// Offers of another snapshot while one was being installed.
        package var offersPutOff = 0
        package var damaged = 0
        package var retries = 0
    }

    /// A snapshot on its way to a node.
    struct Sending: Sendable {
        var message: RaftMessage
        var mark: SnapshotMark
        /// All before this is there; nil until it is known.
        var acknowledged: UInt64?
        /// All before this was read, or is being read.
        var asked: UInt64 = 0
        /// Where it went back to for a chunk that was lost.
        var wentBackTo: UInt64?
        var retryAt: Moment
        var retryWait: UInt64
    }

    /// A snapshot that comes.
    struct Receiving: Sendable {
        var mark: SnapshotMark
        /// What Raft will receive; nil until it is offered again, after a start.
        var message: RaftMessage?
        /// All before this is to be written.
        var taken: UInt64
        /// All before this is written.
        var written: UInt64
        var isVerifying = false
        var isWhole = false
        var isInstalling = false
    }

    package let id: RaftID
    package let cluster: ClusterIdentity
    package let rules: RaftRules
    package internal(set) var counts = Counts()
    /// In the order of numbers.
    var sendings: [(peer: RaftID, sending: Sending)] = []
    var receiving: Receiving?
    private var outputs: [Output] = []
    private var taken = 0

    /// `found`: a snapshot of which the disk has the octets before `next`.
    package init(
        id: RaftID,
        cluster: ClusterIdentity,
        rules: RaftRules,
        found: (mark: SnapshotMark, next: UInt64)? = nil
    ) {
        self.id = id
        self.cluster = cluster
        self.rules = rules
        if let found, found.next <= found.mark.octets {
            receiving = Receiving(
                mark: found.mark,
                message: nil,
                taken: found.next,
                written: found.next
            )
            verifyIfComplete()
        }
    }

    package mutating func handle(_ input: consuming Input, at now: Moment) {
        switch input {
        case .send(let message): begin(message, at: now)
        case .stop(let peer): sendings.removeAll { peer == nil || $0.peer == peer }
        case .received(let message): receive(message, at: now)
        case .read(let peer, let chunk): didRead(chunk, to: peer)
        case .written(let id, let next): didWrite(id, next: next)
        case .unwritable(let id): discard(id, why: .noRoom)
        case .verified(let id, let isWhole): didVerify(id, isWhole: isWhole)
        case .installing(let id):
            if receiving?.mark.id == id, receiving?.isWhole == true {
                receiving?.isInstalling = true
            }
        case .passed(let index):
            guard let receiving, receiving.mark.position.index <= index else { return }
            emit(.discard(receiving.mark))
            self.receiving = nil
        }
    }

    package mutating func wake(at now: Moment) {
        for place in sendings.indices where sendings[place].sending.retryAt <= now {
            retry(at: place, at: now)
        }
    }

    package var nextWake: (moment: Moment, reason: WakeReason)? {
        sendings.map { $0.sending.retryAt }.min().map { ($0, .retry) }
    }

    package mutating func next() -> Output? {
        if taken == outputs.count {
            outputs.removeAll(keepingCapacity: true)
            taken = 0
            return nil
        }
        taken += 1
        return outputs[taken - 1]
    }

    /// The snapshot that is being received, and how much of it is written.
    package var incoming: (mark: SnapshotMark, written: UInt64)? {
        receiving.map { ($0.mark, $0.written) }
    }

    /// How many nodes are being sent one.
    package var outgoing: Int { sendings.count }

    private mutating func receive(_ message: SnapshotMessage, at now: Moment) {
        guard message.cluster == cluster, message.to == id else {
            counts.misdelivered += 1
            return
        }
        switch message.body {
        case .offer(let offer): hearOffer(offer, from: message.from)
        case .chunk(let chunk): take(chunk, from: message.from)
        case .acknowledged(let id, let next):
            hearOf(id, next: next, from: message.from, at: now)
        case .refused(let id, let refusal):
            hearRefusal(of: id, refusal, from: message.from, at: now)
        }
    }

    mutating func emit(_ output: Output) { outputs.append(output) }

    mutating func send(_ body: SnapshotMessage.Body, to peer: RaftID) {
        emit(.send(SnapshotMessage(cluster: cluster, from: id, to: peer, body: body)))
    }
}
