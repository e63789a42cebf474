/// One run of a ring: how it begins, what is done to it, and what is looked at.
package struct Episode: Sendable {
    package enum Beginning: Hashable, Sendable {
        /// Everybody knows everybody.
        case formed
        /// Nobody is there until a fault says so.
        case empty
    }

    package var nodes: Int
    /// Of them so many are there from the beginning, where the ring is formed.
    package var formed: Int
    package var seed: UInt64
    package var beginning = Beginning.formed
    /// Milliseconds of virtual time.
    package var milliseconds: UInt64
    /// What is done, in milliseconds from the start; sorted by time.
    package var faults: [(at: UInt64, fault: Fault)] = []
    /// Nodes that something is wrong with at some time: what they say of others, and others of them, is
    /// counted apart.
    package var degraded: Set<Int> = []
    /// Whether the ring has to be whole when all is over.
    package var healsAtEnd = true
    /// Whether the sizes of views are looked at every second.
    package var watchesViews = false
    /// Whether the members' own probes and rounds of tables are left out: one rumour alone is followed.
    package var isQuiet = false

    /// Whether a node that is blocked is followed like one that crashed.
    package var followsBlocked = false
    /// Milliseconds beyond, for rules that find the lost: over as soon as every node knows every other.
    package var graceMilliseconds: UInt64 = 0
    /// Whether the run is over as soon as every node knows every other.
    package var stopsWhenFull = false

    package init(nodes: Int, seed: UInt64, milliseconds: UInt64) {
        self.nodes = nodes
        formed = nodes
        self.seed = seed
        self.milliseconds = milliseconds
    }

    package mutating func add(_ fault: Fault, at milliseconds: UInt64) {
        faults.append((milliseconds, fault))
    }

    /// Puts what is done into the order of time; of one moment, in the order in which it was added.
    package mutating func arrange() {
        let order = faults.indices.sorted {
            faults[$0].at != faults[$1].at ? faults[$0].at < faults[$1].at : $0 < $1
        }
        faults = order.map { faults[$0] }
    }

    /// Runs it by one set of rules: what was seen, and which faults happened.
    package func run(by preset: Preset) -> (seen: Observations, faults: FaultCounts) {
        GossipRing(self, preset).run()
    }
}
