import Base
package import JournalWire
import LinuxSystem

extension Journal where Disk: ~Copyable {
    /// Opens a node's journal, and makes it where there is none.
    ///
    /// What was written before is durable when this returns. Where something durable is damaged the journal
    /// is open for reading, and nothing is changed before `repair`. `seed` is for salts and should come from
    /// the kernel.
    package static func open(
        _ disk: consuming Disk,
        identity: JournalIdentity,
        settings: JournalSettings = JournalSettings(),
        seed: UInt64
    ) throws(JournalError) -> Journal {
        precondition(settings.segmentOctets >= JournalSettings.segmentOctetsMin)
        precondition(settings.segmentOctets % 4096 == 0 || settings.segmentOctets < 4096)
        let opening: JournalOpening
        do throws(JournalError) {
            opening = try JournalOpening(disk, identity, settings)
        } catch {
            if case .system(let cause) = error, cause.isDiskFull { throw .full }
            throw error
        }
        var journal = Journal(disk, identity, settings, seed: seed, opening)
        if !journal.report.isDamaged { try journal.begin() }
        return journal
    }

    private init(
        _ disk: consuming Disk,
        _ identity: JournalIdentity,
        _ settings: JournalSettings,
        seed: UInt64,
        _ opening: JournalOpening
    ) {
        self.disk = disk
        self.identity = identity
        self.settings = settings
        cipher = opening.cipher
        generator = SeededGenerator(seed: seed)
        summary = opening.scan.summary
        if let mark = opening.mark { summary.note(mark, replacesLog: false) }
        sequence = opening.scan.sequence
        checksum = opening.scan.checksum ?? 0
        end = opening.scan.end
        watermark = opening.watermark ?? Watermark()
        watermarkFile = opening.watermarkFile
        segments = opening.listing.segments
        spares = opening.listing.spares
        nextSpare = (opening.listing.spares.last ?? 0) + 1
        hasReserve = opening.hasReserve
        report = opening.report
        highestTerm = opening.scan.highestTerm
    }

    /// Gets ready to write behind what was found.
    private mutating func begin() throws(JournalError) {
        if let end, !end.isSealed {
            if watermark.isClosed, watermark.sequence == sequence {
                try reopen(end)
            } else {
                try rewrite(end)
            }
        } else {
            do throws(JournalError) {
                try beginSegment(try takeSpare(octets: settings.segmentOctets))
            } catch {
                // The first batch asks for room again, and is refused then.
                guard case .full = error else { throw error }
            }
        }
        var state = summary.hardState
        state.boots &+= 1
        summary.note(state)
        report.hardState = state
        try touch { (journal) throws(SystemError) in
            try journal.writeWatermark(isClosed: false)
        }
    }

    /// Goes on in the last segment as it is.
    private mutating func reopen(_ end: JournalScan.End) throws(JournalError) {
        try touch { (journal) throws(SystemError) in
            let file = try journal.disk.open(JournalPath.segment(end.header.name))
            journal.goOn(in: file, end)
        }
    }

    private mutating func goOn(in file: DiskFile, _ end: JournalScan.End) {
        current = Current(
            file: file,
            name: end.header.name,
            octets: Int(end.header.octets),
            offset: end.offset,
            isSealed: false
        )
        writer = BatchWriter(salt: end.header.salt)
    }

    /// Puts a copy of the last segment's good batches in its place.
    ///
    /// After a failed fsync good octets may be read that are in memory only and that no later fsync would
    /// write; what is written anew is. Source: Rebello et al., "Can applications recover from fsync
    /// failures?", 2020; raft.md §3.7, recovery 6.
    mutating func rewrite(_ end: JournalScan.End) throws(JournalError) {
        let path = JournalPath.segment(end.header.name)
        let spare: DiskFile
        do throws(JournalError) {
            spare = try takeSpare(octets: Int(end.header.octets))
        } catch {
            guard case .full = error else { throw error }
            try rewriteInPlace(end)
            return
        }
        try touch { (journal) throws(SystemError) in
            // It is the current one from here on, so that it is closed whatever happens.
            journal.goOn(in: DiskFile(raw: spare.raw, path: path), end)
            let old = try journal.disk.open(path)
            defer { journal.disk.close(old) }
            try journal.copy(end.offset, of: old, to: spare)
            try journal.disk.sync(spare)
            journal.spares.removeFirst()
            try journal.disk.rename(spare.path, to: path)
            try journal.disk.syncFolder(JournalPath.log)
        }
    }

    /// The same without space for a copy: the same octets to the same place, and zeros behind them.
    private mutating func rewriteInPlace(_ end: JournalScan.End) throws(JournalError) {
        try touch { (journal) throws(SystemError) in
            let file = try journal.disk.open(JournalPath.segment(end.header.name))
            journal.goOn(in: file, end)
            try journal.copy(end.offset, of: file, to: file)
            var place = end.offset
            let octets = Int(end.header.octets)
            while place < octets {
                let zeros = [UInt8](repeating: 0, count: min(1 << 20, octets - place))
                try journal.disk.write(zeros, to: file, at: place)
                place += zeros.count
            }
            try journal.disk.sync(file)
        }
    }

    func copy(_ octets: Int, of old: DiskFile, to new: DiskFile) throws(SystemError) {
        var buffer: [UInt8] = []
        var place = 0
        while place < octets {
            let count = min(1 << 20, octets - place)
            let got = try disk.read(old, at: place, count: count, into: &buffer)
            guard got == count else { throw SystemError("read \(old.path)", code: 5) }
            buffer.removeLast(buffer.count - count)
            try disk.write(buffer, to: new, at: place)
            place += count
        }
    }
}

/// What is found in a journal's folder, before anything of it is written anew.
struct JournalOpening: Sendable {
    var cipher: JournalCipher?
    var listing: JournalFiles.Listing
    var watermark: Watermark?
    var watermarkFile = DiskFile(raw: -1, path: "")
    var hasReserve: Bool
    var scan: JournalScan
    /// The snapshot to start from.
    var mark: JournalMark?
    var report: JournalReport

    init<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ identity: JournalIdentity,
        _ settings: JournalSettings
    ) throws(JournalError) {
        do throws(SystemError) {
            try disk.makeFolder(JournalPath.log)
            try disk.makeFolder(JournalPath.snapshots)
            listing = try JournalFiles.listing(disk)
        } catch { throw .system(error) }
        let isNew = try Self.identify(disk, identity, hasSegments: !listing.segments.isEmpty)
        cipher = try Self.cipher(
            disk,
            settings,
            mayMake: listing.segments.isEmpty
        )
        do throws(SystemError) {
            try Self.clean(disk, listing)
            watermark = try JournalFiles.watermark(disk, of: identity)
            if watermark == nil {
                var octets = Watermark().encoded(for: identity)
                octets += [UInt8](repeating: 0, count: Watermark.slotOctets)
                try JournalFiles.replace(
                    disk,
                    JournalPath.watermark,
                    in: JournalPath.log,
                    with: octets
                )
            }
            hasReserve = try disk.names(in: "").contains(JournalPath.reserve)
            scan = try JournalFiles.scan(
                disk,
                listing.segments,
                of: identity,
                watermark: watermark,
                syncing: true
            )
            for folder in ["", JournalPath.log, JournalPath.snapshots] {
                try disk.syncFolder(folder)
            }
            report = Self.report(scan, isNew: isNew && scan.batches == 0)
            mark = scan.summary.mark
            try judgeSnapshots(disk, identity)
            watermarkFile = try disk.open(JournalPath.watermark)
        } catch { throw .system(error) }
    }

    /// Whether it was nobody's until now.
    private static func identify<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ identity: JournalIdentity,
        hasSegments: Bool
    ) throws(JournalError) -> Bool {
        if let found = try JournalFiles.identity(disk) {
            guard found == identity else { throw .file(JournalPath.node, .foreign) }
            return false
        }
        if hasSegments { throw .identityLost }
        do throws(SystemError) {
            let octets = NodeFile.encoded(identity)
            try JournalFiles.replace(disk, JournalPath.node, in: "", with: octets)
        } catch { throw .system(error) }
        return true
    }

    private static func cipher<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ settings: JournalSettings,
        mayMake: Bool
    ) throws(JournalError) -> JournalCipher? {
        if let cipher = try JournalFiles.cipher(disk) { return cipher }
        guard settings.isSealed else { return nil }
        guard mayMake else {
            throw .file(JournalPath.key, .short(needed: KeyFile.keyOctets, have: 0))
        }
        let key = JournalCipher.newKey(number: 1)
        do throws(SystemError) {
            let octets = KeyFile.encoded([key])
            try JournalFiles.replace(disk, JournalPath.key, in: "", with: octets)
        } catch { throw .system(error) }
        return JournalCipher([key])
    }

    /// Removes files that a process before this one did not finish.
    private static func clean<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ listing: JournalFiles.Listing
    ) throws(SystemError) {
        for path in listing.unfinished { try disk.remove(path) }
        for folder in ["", JournalPath.snapshots] {
            for name in try disk.names(in: folder) where name.hasSuffix(JournalPath.unfinished) {
                try disk.remove(folder.isEmpty ? name : "\(folder)/\(name)")
            }
        }
    }

    private static func report(_ scan: JournalScan, isNew: Bool) -> JournalReport {
        let condition: JournalReport.Condition
        if scan.isDamaged {
            condition = .damaged(scan.damages)
        } else if isNew {
            condition = .new
        } else if let end = scan.end, end.isTorn {
            condition = .torn(file: end.header.name.description, offset: end.offset)
        } else if let watermark = scan.watermark, watermark.isClosed,
            watermark.sequence == scan.sequence
        {
            condition = .closed
        } else {
            condition = .open
        }
        return JournalReport(
            condition: condition,
            hardState: scan.summary.hardState,
            mark: scan.summary.mark,
            firstIndex: scan.summary.firstIndex,
            lastIndex: scan.summary.lastIndex,
            runs: scan.summary.runs,
            notes: [],
            hasWitness: scan.watermark != nil,
            batches: scan.batches
        )
    }

    /// The snapshot that the log names has to be whole; else an older one with all of the log since.
    private mutating func judgeSnapshots<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ identity: JournalIdentity
    ) throws(SystemError) {
        guard let newest = scan.summary.mark, !newest.isEmpty else { return }
        let name = SnapshotName(newest)
        guard let fault = try JournalFiles.fault(disk, of: name, identity: identity) else {
            return
        }
        let damage = JournalDamage(
            file: name.description,
            offset: 0,
            octets: 0,
            kind: .snapshot(fault),
            lastIndex: scan.summary.lastIndex
        )
        let older = try disk.names(in: JournalPath.snapshots).compactMap { SnapshotName($0) }
            .filter { $0 < name && $0.index &+ 1 >= scan.summary.firstIndex }.sorted()
        for candidate in older.reversed() {
            if try JournalFiles.fault(disk, of: candidate, identity: identity) != nil { continue }
            let reader = try? SnapshotReader(disk, candidate, of: identity)
            guard let reader else { continue }
            disk.close(reader.file)
            mark = reader.mark
            report.mark = reader.mark
            report.notes.append(damage)
            return
        }
        var damages = [damage]
        if case .damaged(let earlier) = report.condition { damages = earlier + damages }
        report.condition = .damaged(damages)
    }
}
