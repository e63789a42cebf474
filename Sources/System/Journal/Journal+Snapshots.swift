package import JournalWire
import LinuxSystem

/// A snapshot being written; `finish` gives it its name.
package struct SnapshotWriter: Sendable {
    package let name: SnapshotName
    let file: DiskFile
    var state: SnapshotFile
    var offset: Int

    package var mark: JournalMark {
        var mark = state.mark
        mark.octets = state.octets
        return mark
    }
}

extension Journal where Disk: ~Copyable {
    /// Starts a snapshot's file.
    ///
    /// Throws `full` where there is no space for it; the journal goes on.
    package mutating func beginSnapshot(
        _ mark: JournalMark
    ) throws(JournalError) -> SnapshotWriter {
        if isPoisoned { throw .poisoned }
        guard mark.membership.count <= JournalMark.membershipOctetsMax else {
            throw .tooLarge(
                octets: mark.membership.count,
                limit: JournalMark.membershipOctetsMax
            )
        }
        var header: [UInt8] = []
        let state = SnapshotFile(mark, of: identity, header: &header)
        let name = SnapshotName(mark)
        let file: DiskFile
        do throws(SystemError) {
            file = try disk.create(JournalPath.snapshot(name) + JournalPath.unfinished)
        } catch { throw failing(error) }
        var writer = SnapshotWriter(name: name, file: file, state: state, offset: 0)
        try write(header, to: &writer)
        return writer
    }

    /// Adds octets of the state machine, at most 4 MiB at once.
    ///
    /// After an error the file is gone, and so is the writer.
    package mutating func add(
        _ octets: [UInt8],
        to writer: inout SnapshotWriter
    ) throws(JournalError) {
        precondition(octets.count <= 4 << 20, "a piece of \(octets.count) octets")
        if let key = cipher?.number {
            let additional = writer.state.additional(number: writer.state.nextNumber, key: key)
            let sealed = cipher?.seal(octets, additional: additional) ?? []
            let piece = writer.state.piece(sealed, plain: octets.count, sealedWith: key)
            try write(piece, to: &writer)
        } else {
            try write(
                writer.state.piece(octets, plain: octets.count, sealedWith: nil),
                to: &writer
            )
        }
    }

    /// Makes the snapshot durable, and then the mark in the log: only then may anybody rely on it.
    ///
    /// With `replacesLog` it takes the place of the whole log, as one that came from a leader does.
    package mutating func finish(
        _ writer: consuming SnapshotWriter,
        replacesLog: Bool = false,
        hardState: JournalHardState? = nil
    ) throws(JournalError) {
        var writer = writer
        try write(writer.state.footer(), to: &writer)
        do throws(SystemError) {
            try disk.sync(writer.file)
        } catch { throw abandoning(writer, error) }
        disk.close(writer.file)
        let path = JournalPath.snapshot(writer.name)
        try touch { (journal) throws(SystemError) in
            try journal.disk.rename(path + JournalPath.unfinished, to: path)
            try journal.disk.syncFolder(JournalPath.snapshots)
        }
        try append(
            JournalBatch(hardState: hardState, mark: writer.mark, replacesLog: replacesLog)
        )
    }

    /// Removes what is there of a snapshot that is not wanted any more.
    package mutating func abandon(_ writer: consuming SnapshotWriter) throws(JournalError) {
        disk.close(writer.file)
        let path = writer.file.path
        try touch { (journal) throws(SystemError) in try journal.disk.remove(path) }
    }

    private mutating func write(
        _ octets: [UInt8],
        to writer: inout SnapshotWriter
    ) throws(JournalError) {
        if isPoisoned {
            disk.close(writer.file)
            throw .poisoned
        }
        while true {
            do throws(SystemError) {
                try disk.write(octets, to: writer.file, at: writer.offset)
                writer.offset += octets.count
                return
            } catch {
                // The reserve is for this: with a snapshot segments can be dropped.
                if error.isDiskFull, try giveUpReserve() { continue }
                throw abandoning(writer, error)
            }
        }
    }

    private mutating func abandoning(
        _ writer: SnapshotWriter,
        _ error: SystemError
    ) -> JournalError {
        disk.close(writer.file)
        // What cannot be removed now is when the journal is opened again.
        try? disk.remove(writer.file.path)
        return failing(error)
    }

    /// A full disk spoils a file that nobody relies on; any other failure is the end.
    private mutating func failing(_ error: SystemError) -> JournalError {
        if error.isDiskFull {
            isLow = true
            return .full
        }
        isPoisoned = true
        return .system(error)
    }

    /// Starts to read a snapshot.
    package func openSnapshot(_ mark: JournalMark) throws(JournalError) -> SnapshotReader {
        try SnapshotReader(disk, SnapshotName(mark), of: identity)
    }

    /// The next octets of the state machine; nil behind the last, when the file is closed.
    package func next(
        _ reader: inout SnapshotReader
    ) throws(JournalError) -> [UInt8]? {
        let step: (piece: SnapshotFile.Piece, payload: [UInt8])?
        do throws(JournalError) {
            step = try reader.step(disk)
        } catch {
            disk.close(reader.file)
            throw error
        }
        guard let (piece, payload) = step else {
            disk.close(reader.file)
            return nil
        }
        guard piece.isSealed else { return payload }
        let additional = reader.additional(piece)
        guard let plain = cipher?.open(payload, key: piece.key, additional: additional) else {
            disk.close(reader.file)
            throw .snapshot(
                reader.name.description,
                .sealed(piece.number, offset: piece.offset)
            )
        }
        return plain
    }

    /// Keeps the newest snapshots that the log knows of.
    func pruneSnapshots() throws(SystemError) {
        guard let mark = summary.mark else { return }
        let names = try disk.names(in: JournalPath.snapshots).compactMap { SnapshotName($0) }
            .sorted().filter { $0 <= SnapshotName(mark) }
        for name in names.dropLast(max(1, settings.snapshots)) {
            try disk.remove(JournalPath.snapshot(name))
        }
        if names.count > settings.snapshots { try disk.syncFolder(JournalPath.snapshots) }
    }
}
