import Base
package import JournalWire
import LinuxSystem

/// A node's log on the disk: what `append` has returned from is there after any crash.
///
///     append -> frames, commit frame -> one write -> one fdatasync -> durable
///
/// Batches are appended to segments of one size, made before they are needed and used again, so that a
/// batch changes neither the size nor the place of a file. A batch is begun when the one before is durable,
/// never earlier: that is how the scan tells what a crash left unfinished from what was damaged later.
///
/// A failed call poisons the journal: after a failed fsync the kernel may call pages clean that never
/// reached the disk, so nothing may be tried again; the process has to end, and the next one writes the last
/// segment anew from what it can read. Only a full disk is no failure, since it shows when a file is made.
///
/// One thread owns it; it has no clock, and what should be done now and then (`prepare`, `witness`) its
/// owner calls. What entries mean only the owner knows. Source: raft.md §3.6, §3.7.
package struct Journal<Disk: JournalDisk & ~Copyable>: ~Copyable {
    /// The segment that is being written.
    struct Current: Sendable {
        var file: DiskFile
        var name: SegmentName
        var octets: Int
        var offset: Int
        /// Nothing may be added to it.
        var isSealed: Bool
    }

    /// A file that is being made in steps.
    struct Preparing: Sendable {
        var file: DiskFile
        /// The spare's number; nil for the reserve.
        var spare: UInt64?
        var octets: Int
        var done: Int
    }

    let disk: Disk
    package let settings: JournalSettings
    package let identity: JournalIdentity
    var cipher: JournalCipher?
    var generator: SeededGenerator

    /// What is written and durable.
    package internal(set) var summary: LogSummary
    /// The number of the last durable batch.
    package internal(set) var sequence: UInt64
    var checksum: UInt32
    var current: Current?
    var end: JournalScan.End?
    var writer = BatchWriter(salt: 0)
    var watermark: Watermark
    var watermarkFile: DiskFile
    /// Where a changed commit index waits for the next batch.
    var waiting: JournalHardState?

    var segments: [SegmentName]
    var spares: [UInt64]
    var nextSpare: UInt64
    var hasReserve: Bool
    var preparing: Preparing?

    /// What was found when it was opened.
    package internal(set) var report: JournalReport
    var highestTerm: UInt64
    /// Space is short: no proposals should be taken, a snapshot should be, and segments dropped.
    package internal(set) var isLow = false
    /// A call failed; see above.
    package internal(set) var isPoisoned = false

    /// Runs a step that touches the disk; whatever fails in it is the end of this journal.
    mutating func touch<Value>(
        _ step: (inout Journal) throws(SystemError) -> Value
    ) throws(JournalError) -> Value {
        if isPoisoned { throw .poisoned }
        do throws(SystemError) {
            return try step(&self)
        } catch {
            isPoisoned = true
            throw .system(error)
        }
    }

    /// Stops what is being done and closes the files; the next one to open it need not write anything anew.
    package consuming func close() throws(JournalError) {
        if !isPoisoned, !report.isDamaged, let waiting {
            try append(JournalBatch(hardState: waiting))
        }
        if !isPoisoned, !report.isDamaged {
            try touch { (journal) throws(SystemError) in
                try journal.writeWatermark(isClosed: true)
            }
        }
    }

    /// Says on the disk which batches are durable; to be called about once a second while there are new ones.
    package mutating func witness() throws(JournalError) {
        guard watermark.sequence < sequence, !report.isDamaged else { return }
        try touch { (journal) throws(SystemError) in try journal.writeWatermark(isClosed: false) }
    }

    mutating func writeWatermark(isClosed: Bool) throws(SystemError) {
        watermark.counter &+= 1
        watermark.sequence = sequence
        watermark.term = summary.hardState.term
        watermark.vote = summary.hardState.vote
        watermark.fence = summary.hardState.fence
        watermark.boots = summary.hardState.boots
        watermark.isIncomplete = summary.hardState.isIncomplete
        watermark.isClosed = isClosed
        try flushWatermark()
    }

    mutating func flushWatermark() throws(SystemError) {
        let slot = watermark.encoded(for: identity)
        try disk.write(slot, to: watermarkFile, at: watermark.offset)
        try disk.sync(watermarkFile)
    }

    deinit {
        if let current { disk.close(current.file) }
        if let preparing { disk.close(preparing.file) }
        disk.close(watermarkFile)
    }
}

extension JournalReport {
    package var isDamaged: Bool {
        if case .damaged = condition { return true }
        return false
    }
}
