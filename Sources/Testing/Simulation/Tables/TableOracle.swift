/// What every node should have, kept beside the engines and with none of their code.
///
/// It is told what processes did: they came and went, attached themselves, wrote and deleted. What a
/// node shows is held against that when all has become quiet, and now and then before. A record that
/// should be there and is not is lost; one that is shown and should not be is a zombie.
package struct TableOracle: Sendable {
    /// One process on one machine.
    private struct Process: Sendable {
        var isThere = false
        /// Which of the machine's processes it is.
        var run: UInt32 = 0
        /// When it came to each network; .max: it is not on it.
        var since: [UInt64]
    }

    private struct Record: Sendable {
        var network = 0
        var machine = 0
        var run: UInt32 = 0
        var version: UInt32 = 0
        var isLive = false
        var changedAt: UInt64 = 0
    }

    /// What a node shows of one record.
    package struct Shown: Hashable, Sendable {
        package let record: Int
        package let version: UInt32
        /// The machine that the owner's name is of.
        package let machine: Int

        package init(record: Int, version: UInt32, machine: Int) {
            self.record = record
            self.version = version
            self.machine = machine
        }
    }

    package struct Verdict: Hashable, Sendable {
        package var checked = 0
        package var lost = 0
        package var zombies = 0

        package init(checked: Int = 0, lost: Int = 0, zombies: Int = 0) {
            self.checked = checked
            self.lost = lost
            self.zombies = zombies
        }

        package mutating func add(_ other: Verdict) {
            checked += other.checked
            lost += other.lost
            zombies += other.zombies
        }
    }

    private var processes: [Process]
    private var records: [Record]

    package init(machines: Int, networks: Int, records: Int) {
        let since = [UInt64](repeating: .max, count: networks)
        processes = Array(repeating: Process(since: since), count: machines)
        self.records = Array(repeating: Record(), count: records)
    }

    // MARK: What happened

    package mutating func came(_ machine: Int, run: UInt32) {
        processes[machine].isThere = true
        processes[machine].run = run
        for network in processes[machine].since.indices {
            processes[machine].since[network] = .max
        }
    }

    package mutating func went(_ machine: Int) {
        processes[machine].isThere = false
    }

    package mutating func attached(_ machine: Int, to network: Int, at now: UInt64) {
        processes[machine].since[network] = now
    }

    /// What it had there is over.
    package mutating func detached(_ machine: Int, from network: Int, at now: UInt64) {
        processes[machine].since[network] = .max
        for index in records.indices
        where records[index].machine == machine && records[index].network == network {
            records[index].isLive = false
            records[index].changedAt = now
        }
    }

    /// Returns the version of what was written.
    package mutating func wrote(
        _ machine: Int,
        _ record: Int,
        in network: Int,
        at now: UInt64
    ) -> UInt32 {
        records[record] = Record(
            network: network,
            machine: machine,
            run: processes[machine].run,
            version: records[record].version + 1,
            isLive: true,
            changedAt: now
        )
        return records[record].version
    }

    /// Returns the version that stands for the deletion.
    package mutating func deleted(_ record: Int, at now: UInt64) -> UInt32 {
        records[record].isLive = false
        records[record].version += 1
        records[record].changedAt = now
        return records[record].version
    }

    // MARK: What should be

    /// What a machine's processes wrote and never took back.
    package func kept(by machine: Int) -> [Int] {
        records.indices.filter { records[$0].isLive && records[$0].machine == machine }
    }

    package func isLive(_ record: Int) -> Bool { records[record].isLive }

    package func machine(of record: Int) -> Int { records[record].machine }

    package func isOn(_ machine: Int, _ network: Int) -> Bool {
        processes[machine].isThere && processes[machine].since[network] != .max
    }

    /// Whether a machine is to see a record, and in which version; 0: it is not to.
    package func expected(_ record: Int) -> UInt32 {
        let said = records[record]
        let owner = processes[said.machine]
        guard said.isLive, owner.isThere, owner.run == said.run,
            owner.since[said.network] != .max
        else { return 0 }
        return said.version
    }

    /// Holds what a machine shows against what it should; what changed after `settled` is left out.
    package func judge(_ machine: Int, _ shown: [Shown], settled: UInt64 = .max) -> Verdict {
        var verdict = Verdict()
        var versions = [Int](repeating: -1, count: records.count)
        for item in shown {
            // Twice is once too often.
            if versions[item.record] >= 0 { verdict.zombies += 1 }
            versions[item.record] =
                item.machine == records[item.record].machine ? Int(item.version) : 0
        }
        for record in records.indices {
            let since = processes[machine].since[records[record].network]
            guard since == .max || since <= settled, records[record].changedAt <= settled else {
                continue
            }
            let isOn = processes[machine].isThere && since != .max
            let expected = isOn ? expected(record) : 0
            if expected == 0, versions[record] < 0 { continue }
            verdict.checked += 1
            if expected > 0 {
                if versions[record] != Int(expected) { verdict.lost += 1 }
            } else {
                verdict.zombies += 1
            }
        }
        return verdict
    }
}
