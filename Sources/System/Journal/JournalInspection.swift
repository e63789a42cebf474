package import JournalWire
import LinuxSystem

/// What a look at a journal's folder shows; nothing is changed, and nothing is locked.
package struct JournalInspection: Sendable {
    package struct Segment: Hashable, Sendable {
        package var name: SegmentName
        package var octets: Int
        package var batches: Int
        /// What its entries' indexes come to; nil without any.
        package var indexes: ClosedRange<UInt64>?
    }

    package struct Snapshot: Hashable, Sendable {
        package var name: SnapshotName
        package var fault: SnapshotFault?
    }

    package let identity: JournalIdentity
    package let watermark: Watermark?
    package private(set) var segments: [Segment] = []
    package private(set) var snapshots: [Snapshot] = []
    package private(set) var scan: JournalScan
    /// Damage of the log, and of the snapshot that it names.
    package private(set) var damages: [JournalDamage] = []

    package init<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(JournalError) {
        guard let identity = try JournalFiles.identity(disk) else {
            throw .file(JournalPath.node, .short(needed: NodeFile.octets, have: 0))
        }
        self.identity = identity
        do throws(SystemError) {
            watermark = try JournalFiles.watermark(disk, of: identity)
            scan = JournalScan(identity: identity, watermark: watermark)
            try readSegments(disk)
            try readSnapshots(disk)
        } catch { throw .system(error) }
    }

    private mutating func readSegments<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(SystemError) {
        let names = try JournalFiles.listing(disk).segments
        for name in names {
            let octets = try Self.octets(disk, name)
            let batches = scan.batches
            scan.add(octets.span, named: name.description, isLast: name == names.last)
            let places = scan.summary.places.filter { $0.segment == name.firstSequence }
            var indexes: ClosedRange<UInt64>?
            if let first = places.first?.firstIndex, let last = places.last?.lastIndex {
                indexes = first...max(first, last)
            }
            segments.append(
                Segment(
                    name: name,
                    octets: octets.count,
                    batches: scan.batches - batches,
                    indexes: indexes
                )
            )
        }
        scan.finish()
        damages = scan.damages
    }

    private mutating func readSnapshots<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(SystemError) {
        for text in try disk.names(in: JournalPath.snapshots) {
            guard let name = SnapshotName(text) else { continue }
            let fault = try JournalFiles.fault(disk, of: name, identity: identity)
            snapshots.append(Snapshot(name: name, fault: fault))
        }
        guard let mark = scan.summary.mark, !mark.isEmpty else { return }
        let wanted = SnapshotName(mark)
        let found = snapshots.first { $0.name == wanted }
        guard let fault = found.map(\.fault) ?? .missing else { return }
        damages.append(
            JournalDamage(
                file: wanted.description,
                offset: 0,
                octets: 0,
                kind: .snapshot(fault),
                lastIndex: scan.summary.lastIndex
            )
        )
    }

    static func octets<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ name: SegmentName
    ) throws(SystemError) -> [UInt8] {
        let file = try disk.open(JournalPath.segment(name))
        defer { disk.close(file) }
        var octets: [UInt8] = []
        let size = try disk.size(of: file)
        let count = try disk.read(file, at: 0, count: size, into: &octets)
        octets.removeLast(octets.count - count)
        return octets
    }
}

/// What stands in a journal's segments, one thing after the other.
package enum JournalItem: Hashable, Sendable {
    case segment(SegmentName, SegmentHeader)
    /// A segment whose header is not one.
    case noSegment(SegmentName, FileFault)
    case batch(BatchView)
    /// The payload is opened where a key was given; `isSealed` where it still is not.
    case entry(JournalEntry, isSealed: Bool, key: UInt32)
    case hardState(JournalHardState)
    case mark(JournalMark, replacesLog: Bool)
    case seal
    /// Octets that are no batch, and another one behind them.
    case damaged(Range<Int>)
}

extension JournalInspection {
    /// Hands all that is in the segments to `each`, whole batches alone.
    package static func dump<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        cipher: JournalCipher?,
        each: (JournalItem) -> Void
    ) throws(JournalError) {
        do throws(SystemError) {
            for name in try JournalFiles.listing(disk).segments {
                let octets = try Self.octets(disk, name)
                do throws(FileFault) {
                    let header = try SegmentHeader(octets.span)
                    each(.segment(name, header))
                    dump(octets.span, header, cipher, each)
                } catch { each(.noSegment(name, error)) }
            }
        } catch { throw .system(error) }
    }

    private static func dump(
        _ span: Span<UInt8>,
        _ header: SegmentHeader,
        _ cipher: JournalCipher?,
        _ each: (JournalItem) -> Void
    ) {
        let reader = BatchReader(salt: header.salt)
        var place = JournalFormat.headerOctets
        while true {
            if let batch = try? reader.batch(at: place, in: span) {
                dump(batch, span, reader, cipher, each)
                place = batch.range.upperBound
                continue
            }
            guard let later = reader.commit(after: 0, from: place, in: span) else { return }
            let start = max(place, later.range.lowerBound)
            let isWhole = start > place && reader.isWhole(later, in: span)
            let end = isWhole ? start : later.range.upperBound
            each(.damaged(place..<end))
            place = end
        }
    }

    private static func dump(
        _ batch: BatchView,
        _ span: Span<UInt8>,
        _ reader: BatchReader,
        _ cipher: JournalCipher?,
        _ each: (JournalItem) -> Void
    ) {
        each(.batch(batch))
        var place = batch.range.lowerBound
        while place < batch.range.upperBound, let frame = reader.frame(at: place, in: span) {
            place = frame.end
            switch frame.kind {
            case .entry: each(item(of: frame, span, cipher))
            case .hardState: each(.hardState(frame.hardState(in: span)))
            case .mark:
                let replaces = frame.flags.contains(.replacesLog)
                each(.mark(frame.mark(in: span), replacesLog: replaces))
            case .seal: each(.seal)
            case .commit, .chunk, .footer: break
            }
        }
    }

    private static func item(
        of frame: FrameView,
        _ span: Span<UInt8>,
        _ cipher: JournalCipher?
    ) -> JournalItem {
        var (entry, key) = frame.entry(in: span)
        guard frame.flags.contains(.sealed) else {
            return .entry(entry, isSealed: false, key: 0)
        }
        let additional = BatchWriter.additional(entry, key: key)
        guard let plain = cipher?.open(entry.payload, key: key, additional: additional) else {
            return .entry(entry, isSealed: true, key: key)
        }
        entry.payload = plain
        return .entry(entry, isSealed: false, key: key)
    }
}
