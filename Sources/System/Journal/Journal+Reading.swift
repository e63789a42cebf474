package import JournalWire
import LinuxSystem

extension Journal where Disk: ~Copyable {
    /// Entries from an index on: at least one, and no more than about `octetsMax` octets of them.
    ///
    /// What is read is checked again: what rots after the start is not handed on. Throws `absent` for an
    /// index that is not in the log.
    package func read(
        from index: UInt64,
        octetsMax: Int
    ) throws(JournalError) -> [JournalEntry] {
        guard index >= summary.firstIndex, index <= summary.lastIndex,
            var number = summary.place(of: index)
        else { throw .absent(index) }
        var entries: [JournalEntry] = []
        var octets = 0
        while number < summary.places.count, octets < octetsMax || entries.isEmpty {
            let place = summary.places[number]
            for entry in try self.entries(in: place) where entry.index >= index {
                if !entries.isEmpty, octets + entry.payload.count > octetsMax { return entries }
                octets += entry.payload.count
                entries.append(entry)
            }
            number += 1
        }
        return entries
    }

    /// The live entries of a place, opened.
    private func entries(in place: LogSummary.Place) throws(JournalError) -> [JournalEntry] {
        guard let segment = segments.last(where: { $0.firstSequence <= place.segment }) else {
            throw .absent(place.firstIndex)
        }
        let head: [UInt8]
        let octets: [UInt8]
        do throws(SystemError) {
            (head, octets) = try self.octets(of: place, in: segment)
        } catch { throw .system(error) }
        let salt: UInt64
        do throws(FileFault) {
            salt = try SegmentHeader(head.span).salt
        } catch {
            throw .damaged(damage(segment, 0, .header(error), before: place.firstIndex))
        }
        return try entries(in: octets.span, place, segment, BatchReader(salt: salt))
    }

    private func octets(
        of place: LogSummary.Place,
        in segment: SegmentName
    ) throws(SystemError) -> (head: [UInt8], octets: [UInt8]) {
        let file = try disk.open(JournalPath.segment(segment))
        defer { disk.close(file) }
        var head: [UInt8] = []
        var octets: [UInt8] = []
        let headCount = try disk.read(
            file,
            at: 0,
            count: JournalFormat.headerOctets,
            into: &head
        )
        let count = try disk.read(
            file,
            at: place.octets.lowerBound,
            count: place.octets.count,
            into: &octets
        )
        return (Array(head.prefix(headCount)), Array(octets.prefix(count)))
    }

    private func entries(
        in span: Span<UInt8>,
        _ place: LogSummary.Place,
        _ segment: SegmentName,
        _ reader: BatchReader
    ) throws(JournalError) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var start = 0
        while start < place.octets.count {
            guard let batch = try? reader.batch(at: start, in: span) else {
                let offset = place.octets.lowerBound + start
                throw .damaged(
                    damage(segment, offset, .batch(sequence: 0), before: place.firstIndex)
                )
            }
            while start < batch.range.upperBound, let frame = reader.frame(at: start, in: span) {
                start = frame.end
                if frame.kind != .entry { continue }
                var (entry, key) = frame.entry(in: span)
                guard entry.index >= place.firstIndex, entry.index <= place.lastIndex else {
                    continue
                }
                if frame.flags.contains(.sealed) {
                    let additional = BatchWriter.additional(entry, key: key)
                    let plain = cipher?.open(entry.payload, key: key, additional: additional)
                    guard let plain else { throw .sealed(entry.index, key: key) }
                    entry.payload = plain
                }
                entries.append(entry)
            }
        }
        return entries
    }

    private func damage(
        _ segment: SegmentName,
        _ offset: Int,
        _ kind: JournalDamage.Kind,
        before index: UInt64
    ) -> JournalDamage {
        JournalDamage(
            file: segment.description,
            offset: offset,
            octets: 0,
            kind: kind,
            lastIndex: index - 1
        )
    }
}
