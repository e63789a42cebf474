package import Base

/// Beginning in the midst of a ring: for drivers that begin with one that has long been formed.
extension TableRing {
    /// Takes other members, what they are attached to and what is written as known and told: nobody hears of
    /// it through this node, and what it says of itself is left out of what it has to say.
    ///
    /// `entries`: those of this node among them. Networks that this node is on are whole afterwards.
    package mutating func adopt(
        _ words: [Alive],
        attached: [Attachment],
        entries: [TableEvent],
        at now: Moment
    ) {
        for word in words where word.node != own {
            hear(.joined(word.node), word, at: now)
        }
        for attachment in attached where witnessNetworks(attachment.time) {
            if attachment.node == own { continue }
            let event = NetworkEvent(
                .join,
                attachment.node,
                attachment.network,
                at: attachment.time
            )
            _ = hear(event, at: now)
        }
        for event in entries where tableClock.witness(event.time) {
            let path = event.owner == own ? Path.own : .sync
            store(TableEntry(event, until: nil, path: path, at: now), in: event.network, at: now)
        }
        for id in order {
            networks[id]?.isSynced = true
            networks[id]?.joining = nil
            networks[id]?.isAlone = false
        }
        forgetWhatIsToBeTold()
    }

    private mutating func forgetWhatIsToBeTold() {
        freshForAll = []
        again = []
        flushAt = nil
        waits = []
        while next() != nil {}
    }
}
