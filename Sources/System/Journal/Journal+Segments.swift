import JournalWire
import LinuxSystem

extension Journal where Disk: ~Copyable {
    /// Makes the next piece of a spare segment, or of the reserve; to be called when nothing else is to be
    /// done.
    ///
    /// Returns whether to call again. A full disk is no failure here: `isLow` says so, until there is space again.
    package mutating func prepare() throws(JournalError) -> Bool {
        if report.isDamaged { return false }
        let free = try touch { (journal) throws(SystemError) in try journal.disk.freeOctets() }
        if preparing == nil {
            isLow = free < settings.lowOctets
            let needed = spares.count < settings.spares ? settings.segmentOctets : 0
            if needed > 0 {
                guard free > needed else { return giveUpPreparing() }
            } else if hasReserve || settings.reserveOctets == 0
                || free < settings.lowOctets + settings.reserveOctets
            {
                return false
            }
            let isFull = try roomy { (journal) throws(SystemError) in
                try journal.beginPreparing(isSpare: needed > 0)
            }
            return isFull ? giveUpPreparing() : true
        }
        let isFull = try roomy { (journal) throws(SystemError) in try journal.goOnPreparing() }
        return isFull ? giveUpPreparing() : true
    }

    /// Runs a step that needs space; returns whether there was none.
    private mutating func roomy(
        _ step: (inout Journal) throws(SystemError) -> Void
    ) throws(JournalError) -> Bool {
        if isPoisoned { throw .poisoned }
        do throws(SystemError) {
            try step(&self)
            return false
        } catch {
            if error.isDiskFull { return true }
            isPoisoned = true
            throw .system(error)
        }
    }

    private mutating func giveUpPreparing() -> Bool {
        isLow = true
        if let preparing {
            disk.close(preparing.file)
            // What cannot be removed now is when the journal is opened again.
            try? disk.remove(preparing.file.path)
        }
        preparing = nil
        return false
    }

    private mutating func beginPreparing(isSpare: Bool) throws(SystemError) {
        let number = nextSpare
        let target = isSpare ? JournalPath.spare(number) : JournalPath.reserve
        if isSpare { nextSpare += 1 }
        let file = try disk.create(target + JournalPath.unfinished)
        preparing = Preparing(
            file: file,
            spare: isSpare ? number : nil,
            octets: isSpare ? settings.segmentOctets : settings.reserveOctets,
            done: 0
        )
    }

    /// Zeros, and not only space: what is written later changes no list of where the file lies.
    private mutating func goOnPreparing() throws(SystemError) {
        guard var work = preparing else { return }
        let count = min(settings.prepareOctets, work.octets - work.done)
        let zeros = [UInt8](repeating: 0, count: count)
        try disk.write(zeros, to: work.file, at: work.done)
        work.done += count
        preparing = work
        if work.done < work.octets { return }
        try disk.sync(work.file)
        let target = String(work.file.path.dropLast(JournalPath.unfinished.count))
        try disk.rename(work.file.path, to: target)
        try disk.syncFolder(work.spare == nil ? "" : JournalPath.log)
        disk.close(work.file)
        preparing = nil
        if let number = work.spare {
            spares.append(number)
        } else {
            hasReserve = true
        }
    }

    /// Gives the reserve up; returns whether there was one.
    mutating func giveUpReserve() throws(JournalError) -> Bool {
        isLow = true
        guard hasReserve else { return false }
        hasReserve = false
        try touch { (journal) throws(SystemError) in
            try journal.disk.remove(JournalPath.reserve)
            try journal.disk.syncFolder("")
        }
        return true
    }

    /// Has a spare at hand, whatever that takes.
    ///
    /// Returns it opened; its name is the first of the spares'.
    mutating func takeSpare(octets: Int) throws(JournalError) -> DiskFile {
        while true {
            try needSpare()
            let path = JournalPath.spare(spares[0])
            let spare = try touch { (journal) throws(SystemError) -> DiskFile? in
                let file = try journal.disk.open(path)
                do throws(SystemError) {
                    if try journal.disk.size(of: file) == octets { return file }
                } catch {
                    journal.disk.close(file)
                    throw error
                }
                // It was made when segments had another size.
                journal.disk.close(file)
                try journal.disk.remove(path)
                return nil
            }
            if let spare { return spare }
            spares.removeFirst()
        }
    }

    private mutating func needSpare() throws(JournalError) {
        while spares.isEmpty {
            if preparing?.spare == nil { _ = abandonPreparing() }
            var isFull = false
            if preparing == nil {
                isFull = try roomy { (journal) throws(SystemError) in
                    try journal.beginPreparing(isSpare: true)
                }
            }
            while !isFull, preparing != nil {
                isFull = try roomy { (journal) throws(SystemError) in
                    try journal.goOnPreparing()
                }
            }
            if isFull {
                _ = giveUpPreparing()
                guard try giveUpReserve() else { throw .full }
            }
        }
    }

    private mutating func abandonPreparing() -> Bool {
        let wasLow = isLow
        defer { isLow = wasLow }
        return giveUpPreparing()
    }

    /// Ends the current segment and goes on in a new one.
    ///
    /// The seal is durable before the new segment has its name, and the new one's head is in it by then; a
    /// crash in between leaves a sealed segment, which is as good.
    mutating func rotate() throws(JournalError) {
        let spare = try takeSpare(octets: settings.segmentOctets)
        if current?.isSealed == false {
            writer.begin(sequence: sequence &+ 1, previous: checksum)
            writer.addSeal()
            do throws(JournalError) {
                try put(writer.commit(lastIndex: summary.lastIndex))
            } catch {
                disk.close(spare)
                throw error
            }
            current?.isSealed = true
            notePlace(firstIndex: 0)
        }
        if let current { disk.close(current.file) }
        current = nil
        try beginSegment(spare)
        try touch { (journal) throws(SystemError) in
            try journal.writeWatermark(isClosed: false)
        }
    }

    /// Makes a segment of a spare: header and head are durable before it is given its name.
    mutating func beginSegment(_ spare: DiskFile) throws(JournalError) {
        let header = SegmentHeader(
            identity: identity,
            salt: generator.next(),
            firstSequence: sequence &+ 1,
            firstIndex: summary.lastIndex &+ 1,
            previousTerm: summary.lastTerm,
            octets: UInt64(settings.segmentOctets)
        )
        var state = summary.hardState
        state.commit = min(state.commit, summary.lastIndex)
        writer = BatchWriter(salt: header.salt)
        writer.begin(sequence: sequence &+ 1, previous: checksum, header: header.encoded)
        writer.add(state)
        if let mark = summary.mark { writer.add(mark, replacesLog: false) }
        let sum = writer.commit(lastIndex: summary.lastIndex)
        try touch { (journal) throws(SystemError) in
            journal.spares.removeFirst()
            let path = JournalPath.segment(header.name)
            journal.current = Current(
                file: DiskFile(raw: spare.raw, path: path),
                name: header.name,
                octets: Int(header.octets),
                offset: journal.writer.octets.count,
                isSealed: false
            )
            try journal.disk.write(journal.writer.octets, to: spare, at: 0)
            try journal.disk.sync(spare)
            try journal.disk.rename(spare.path, to: path)
            try journal.disk.syncFolder(JournalPath.log)
        }
        sequence &+= 1
        checksum = sum
        segments.append(header.name)
    }

    /// Forgets entries up to an index, as far as a durable snapshot has them and whole segments allow.
    ///
    /// Segments go in their order, each for good before the next. Older snapshots than the last few go, too.
    package mutating func compact(through index: UInt64) throws(JournalError) {
        if isPoisoned { throw .poisoned }
        guard !report.isDamaged, let mark = summary.mark else { return }
        let bound = min(index, mark.index)
        while segments.count > 1, segments[1].firstIndex <= bound &+ 1 {
            try touch { (journal) throws(SystemError) in
                let path = JournalPath.segment(journal.segments[0])
                if journal.spares.count < journal.settings.spares {
                    try journal.disk.rename(path, to: JournalPath.spare(journal.nextSpare))
                    journal.spares.append(journal.nextSpare)
                    journal.nextSpare += 1
                } else {
                    try journal.disk.remove(path)
                }
                try journal.disk.syncFolder(JournalPath.log)
                journal.segments.removeFirst()
            }
        }
        // Only now: a later segment may begin at a lower index, with entries that took the place of others.
        if let first = segments.first { summary.drop(before: first.firstIndex) }
        try touch { (journal) throws(SystemError) in try journal.pruneSnapshots() }
    }
}
