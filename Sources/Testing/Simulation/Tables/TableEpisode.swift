/// What is done to tables, or to the ring under them.
package enum TableStep: Hashable, Sendable {
    case fault(Fault)
    case attach(Int, network: Int)
    case detach(Int, network: Int)
    /// A node writes records that are not there, or are to change.
    case write(Int, [Int])
    case delete(Int, [Int])
    /// A process that started again writes what it had before.
    case rewrite(Int)
    /// A process ends and says before that it will be back.
    case terminate(Int)
    /// What comes before was preparation.
    case count
    /// From here on the oracle is asked until every node has what it should have.
    case settle
}

/// One run of a ring with tables: how it begins, what is done to it, and what is looked at.
package struct TableEpisode: Sendable {
    package var nodes: Int
    /// Of them so many are there from the beginning and know each other.
    package var formed: Int
    package var networks = 1
    package var seed: UInt64
    /// How many records there may be, and in which network each is.
    package var records: Int
    /// The network of a record.
    package var network: @Sendable (Int) -> Int = { _ in 0 }
    /// Nodes that are on all networks from the beginning.
    package var attached: Int
    /// The owner of each record that is everywhere from the beginning; records from there on come later.
    package var initial: [Int] = []
    /// Milliseconds of virtual time.
    package var milliseconds: UInt64
    /// In milliseconds from the start; sorted by time.
    package var steps: [(at: UInt64, step: TableStep)] = []
    /// Whether all nodes were started at one moment, so that their rounds of whole tables come together.
    package var startsTogether = false
    /// Whether every node has to have what it should have when all is over.
    package var isJudged = true
    /// Whether the run is over as soon as every node has what it should have after `settle`.
    package var stopsWhenSettled = false
    /// Whether the run is over as soon as every node knows every other.
    package var stopsWhenFull = false

    package init(nodes: Int, records: Int, seed: UInt64, milliseconds: UInt64) {
        self.nodes = nodes
        formed = nodes
        attached = nodes
        self.records = records
        self.seed = seed
        self.milliseconds = milliseconds
    }

    package mutating func add(_ step: TableStep, at milliseconds: UInt64) {
        steps.append((milliseconds, step))
    }

    package mutating func add(_ fault: Fault, at milliseconds: UInt64) {
        steps.append((milliseconds, .fault(fault)))
    }

    /// Puts what is done into the order of time; of one moment, in the order in which it was added.
    package mutating func arrange() {
        let order = steps.indices.sorted {
            steps[$0].at != steps[$1].at ? steps[$0].at < steps[$1].at : $0 < $1
        }
        steps = order.map { steps[$0] }
    }

    package func run(by preset: TablePreset) -> (seen: TableObservations, happened: Happenings) {
        TableWorld(self, preset).run()
    }
}
