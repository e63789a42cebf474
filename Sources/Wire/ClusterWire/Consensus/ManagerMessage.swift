package import SwarmCore

/// What one manager sends to another about consensus.
///
/// Layout: version (1), kind (1 Raft, 2 a snapshot's octets), the 16 octets of the cluster's name, its epoch,
/// sender, receiver, then what the kind says. Numbers are varints with the lowest seven bits first, in their
/// shortest form; names and starts are eight octets, the lowest first. What is not read to its end is refused:
/// another layout is another version. Source: raft.md §3.2.
package enum ManagerMessage: Hashable, Sendable {
    case raft(RaftMessage)
    case snapshot(SnapshotMessage)

    static let version: UInt8 = 1
    private static let raftKind: UInt8 = 1
    private static let snapshotKind: UInt8 = 2

    package var octets: [UInt8] {
        var writer = WireWriter(capacity: 96 + about)
        writer.octet(Self.version)
        switch self {
        case .raft(let message):
            writer.octet(Self.raftKind)
            writer.head(message.cluster, message.from, message.to)
            writer.raft(message)
        case .snapshot(let message):
            writer.octet(Self.snapshotKind)
            writer.head(message.cluster, message.from, message.to)
            writer.snapshot(message.body)
        }
        return writer.octets
    }

    /// About how many octets its body has.
    private var about: Int {
        switch self {
        case .raft(let message):
            guard case .append(let append) = message.body else { return 0 }
            return append.entries.reduce(0) { $0 + $1.octets }
        case .snapshot(let message):
            guard case .chunk(let chunk) = message.body else { return 0 }
            return chunk.octets.count
        }
    }

    /// Throws: `WireFault` for what this version does not write.
    package init(_ octets: Span<UInt8>) throws(WireFault) {
        var reader = WireReader(octets)
        let version = try reader.octet()
        guard version == Self.version else { throw .version(version) }
        let kind = try reader.octet()
        let high = try reader.fixed()
        let low = try reader.fixed()
        let cluster = ClusterIdentity(high: high, low: low, epoch: try reader.number32())
        let from = RaftID(try reader.number())
        let to = RaftID(try reader.number())
        switch kind {
        case Self.raftKind: self = .raft(try reader.raft(cluster, from: from, to: to))
        case Self.snapshotKind:
            let body = try reader.snapshot(cluster, from: from, to: to)
            self = .snapshot(SnapshotMessage(cluster: cluster, from: from, to: to, body: body))
        default: throw .kind(kind, offset: 1)
        }
        try reader.end()
    }
}

extension WireWriter {
    fileprivate mutating func head(_ cluster: ClusterIdentity, _ from: RaftID, _ to: RaftID) {
        fixed(cluster.high)
        fixed(cluster.low)
        number(cluster.epoch)
        number(from.raw)
        number(to.raw)
    }

    /// Layout: kind of the body (1 offer, 2 chunk, 3 acknowledged, 4 refused), the 8 octets of the snapshot's
    /// name but in an offer, then: a Raft message without its head; offset, length and octets; the offset that
    /// follows; the reason.
    fileprivate mutating func snapshot(_ body: SnapshotMessage.Body) {
        switch body {
        case .offer(let message):
            octet(1)
            raft(message)
        case .chunk(let chunk):
            octet(2)
            fixed(chunk.id)
            number(chunk.offset)
            run(chunk.octets)
        case .acknowledged(let id, let next):
            octet(3)
            fixed(id)
            number(next)
        case .refused(let id, let refusal):
            octet(4)
            fixed(id)
            switch refusal {
            case .outdated: octet(1)
            case .unknown: octet(2)
            case .damaged: octet(3)
            case .noRoom: octet(4)
            }
        }
    }
}

extension WireReader {
    /// An offer's Raft message is between the same two nodes.
    fileprivate mutating func snapshot(
        _ cluster: ClusterIdentity,
        from: RaftID,
        to: RaftID
    ) throws(WireFault) -> SnapshotMessage.Body {
        let offset = at
        switch try octet() {
        case 1: return .offer(try raft(cluster, from: from, to: to))
        case 2:
            let id = try fixed()
            let start = try number()
            let octets = try octets(max: WireLimits.chunkOctetsMax)
            return .chunk(SnapshotChunk(id: id, offset: start, octets: octets))
        case 3:
            let id = try fixed()
            return .acknowledged(id: id, next: try number())
        case 4:
            let id = try fixed()
            let offset = at
            switch try octet() {
            case 1: return .refused(id: id, .outdated)
            case 2: return .refused(id: id, .unknown)
            case 3: return .refused(id: id, .damaged)
            case 4: return .refused(id: id, .noRoom)
            case let why: throw .kind(why, offset: offset)
            }
        case let kind: throw .kind(kind, offset: offset)
        }
    }
}
