import DequeModule

/// What is known to be on the disk.
extension Raft {
    /// All batches up to `token` are durable.
    mutating func didPersist(_ token: PersistToken) {
        while let first = writing.first, first.token <= token {
            writing.removeFirst()
            writtenAt = ticks
            // After a change of the term what was written may have been overwritten meanwhile, by an entry
            // of the same place that is not written yet; the batch of the new term says what is.
            if first.term == term, let covers = first.covers { log.didPersist(covers) }
            if let mark = first.snapshot, log.didInstall(mark.position.index) {
                snapshot = mark
                log.didRestore(mark.position.index)
                emit(.restore(mark))
                resolveWaiters()
            }
        }
    }
}
