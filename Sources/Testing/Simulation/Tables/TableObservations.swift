import Gossip

/// What one set of rules did in a scenario, over all of its runs.
package struct TableObservations: Sendable {
    // Records written in one go, in milliseconds until a node has all of them: each, the first, the last.
    package var complete = Samples()
    package var firstComplete = Samples()
    package var lastComplete = Samples()
    /// Octets that each node sent until then.
    package var octetsToComplete = Samples()

    // Changes, in microseconds until they are seen at half of the nodes, and at all.
    package var toldHalf = Samples()
    package var toldEverywhere = Samples()
    /// Changes that some node has not seen at the end, or saw only as a later one.
    package var untold = 0

    /// Milliseconds until every node has what it should have, or knows every other.
    package var settled = Samples()
    package var octetsToSettle = Samples()
    package var unsettled = 0
    package var synced = 0

    // What readers saw.
    package var changes = 0
    /// Records that went and were there all the time.
    package var falseDeletions = 0
    /// Nanoseconds that one reader did not have one record meanwhile.
    package var hiddenNanoseconds: UInt64 = 0
    /// Members that ran and were said to be dead.
    package var falseDeaths = 0
    package var refusedChanges = 0
    /// Times that a node was told of another that it starts again.
    package var restartsHeard = 0

    // Traffic, without heads of IP and UDP or TCP.
    package var membershipOctets: UInt64 = 0
    package var rumourOctets: UInt64 = 0
    package var digestOctets: UInt64 = 0
    package var streamOctets: UInt64 = 0
    package var exchangeOctets: UInt64 = 0
    package var datagrams: UInt64 = 0
    package var streams: UInt64 = 0
    package var exchanges: UInt64 = 0
    /// Nanoseconds of nodes that ran.
    package var nodeTime: UInt64 = 0
    /// Most that one node sent in a second.
    package var busiestNode: UInt64 = 0
    /// Octets of all nodes in each second.
    package var seconds: [UInt64] = []
    /// Rumours that wait: most at one node; all of them in each second.
    package var queueDepth = 0
    package var queued: [Int] = []

    // What must hold.
    package var judged = TableOracle.Verdict()
    package var sampled = TableOracle.Verdict()
    /// Versions older than what a node showed before.
    package var backwards = 0
    package var streamChecked = 0
    package var streamBroken = 0
    package var boundsChecked = 0
    package var boundsBroken = 0
    package var codecChecked = 0
    package var codecBroken = 0

    package var runs = 0
    package var events: UInt64 = 0
    // Of the engines, summed.
    package var repairs = 0
    package var bulkSyncs = 0
    package var parked = 0
    package var corrected = 0
    package var eagerDropped = 0

    package init() {}

    package var octets: UInt64 {
        membershipOctets + rumourOctets + digestOctets + streamOctets + exchangeOctets
    }

    /// Forgets what came before.
    mutating func restart() {
        membershipOctets = 0
        rumourOctets = 0
        digestOctets = 0
        streamOctets = 0
        exchangeOctets = 0
        datagrams = 0
        streams = 0
        exchanges = 0
        nodeTime = 0
        busiestNode = 0
        seconds = []
        queueDepth = 0
        queued = []
    }

    mutating func note(depth: Int, total: Int, octets: UInt64) {
        queueDepth = max(queueDepth, depth)
        queued.append(total)
        seconds.append(octets)
    }

    mutating func add(_ counts: TableRing.Counts) {
        repairs += counts.repairs
        bulkSyncs += counts.bulkSyncs
        parked += counts.parked
        corrected += counts.corrected
        eagerDropped += counts.eagerDropped
    }

    /// Adds what was seen in another run of the same scenario.
    package mutating func add(_ other: TableObservations) {
        complete.add(other.complete)
        firstComplete.add(other.firstComplete)
        lastComplete.add(other.lastComplete)
        octetsToComplete.add(other.octetsToComplete)
        toldHalf.add(other.toldHalf)
        toldEverywhere.add(other.toldEverywhere)
        untold += other.untold
        settled.add(other.settled)
        octetsToSettle.add(other.octetsToSettle)
        unsettled += other.unsettled
        synced += other.synced
        changes += other.changes
        falseDeletions += other.falseDeletions
        hiddenNanoseconds += other.hiddenNanoseconds
        falseDeaths += other.falseDeaths
        refusedChanges += other.refusedChanges
        restartsHeard += other.restartsHeard
        membershipOctets += other.membershipOctets
        rumourOctets += other.rumourOctets
        digestOctets += other.digestOctets
        streamOctets += other.streamOctets
        exchangeOctets += other.exchangeOctets
        datagrams += other.datagrams
        streams += other.streams
        exchanges += other.exchanges
        nodeTime += other.nodeTime
        busiestNode = max(busiestNode, other.busiestNode)
        seconds += other.seconds
        queueDepth = max(queueDepth, other.queueDepth)
        queued += other.queued
        addChecks(other)
    }

    private mutating func addChecks(_ other: TableObservations) {
        judged.add(other.judged)
        sampled.add(other.sampled)
        backwards += other.backwards
        streamChecked += other.streamChecked
        streamBroken += other.streamBroken
        boundsChecked += other.boundsChecked
        boundsBroken += other.boundsBroken
        codecChecked += other.codecChecked
        codecBroken += other.codecBroken
        runs += other.runs
        events += other.events
        repairs += other.repairs
        bulkSyncs += other.bulkSyncs
        parked += other.parked
        corrected += other.corrected
        eagerDropped += other.eagerDropped
    }

    // MARK: Figures

    package var figures: Figure {
        func spread(_ name: String, _ samples: Samples, unit: UInt64 = 1) -> [(String, Figure)] {
            samples.isEmpty ? [] : [(name, .group(samples.figures(unit: unit)))]
        }
        func count(_ name: String, _ value: Int) -> (String, Figure) {
            (name, .number(UInt64(value)))
        }
        var out: [(String, Figure)] = []
        out += spread("firstCompleteMilliseconds", firstComplete)
        out += spread("lastCompleteMilliseconds", lastComplete)
        out += spread("completeMilliseconds", complete)
        out += spread("octetsToComplete", octetsToComplete)
        out += spread("toldHalfMicroseconds", toldHalf)
        out += spread("toldEverywhereMicroseconds", toldEverywhere)
        out += [count("untold", untold)]
        out += spread("settledMilliseconds", settled)
        out += spread("octetsToSettle", octetsToSettle)
        out += [
            count("unsettled", unsettled), count("lost", judged.lost),
            count("zombies", judged.zombies), count("falseDeletions", falseDeletions),
            ("hiddenMilliseconds", .number(hiddenNanoseconds / 1_000_000)),
            count("falseDeaths", falseDeaths), count("backwards", backwards),
        ]
        out += traffic
        out += [
            count("queueDepthMax", queueDepth), count("queuedAtEnd", queued.last ?? 0),
            count("repairs", repairs), count("bulkSyncs", bulkSyncs), count("parked", parked),
            count("corrected", corrected), count("eagerDropped", eagerDropped),
            count("changes", changes), ("events", .number(events)),
        ]
        return .group(out)
    }

    /// Per node and second.
    private var traffic: [(String, Figure)] {
        func rate(_ amount: UInt64) -> Figure { .number(perNodeSecond(amount)) }
        // 28 octets for each datagram; a stream is about seven segments, and one for each 1,448 octets.
        let streamsAll = streams + exchanges
        let heads =
            28 * datagrams + 52 * (7 * streamsAll + (streamOctets + exchangeOctets) / 1448)
        return [
            ("octetsPerNodeSecond", rate(octets)),
            ("octetsWithHeadsPerNodeSecond", rate(octets + heads)),
            ("membershipOctetsPerNodeSecond", rate(membershipOctets)),
            ("exchangeOctetsPerNodeSecond", rate(exchangeOctets)),
            ("rumourOctetsPerNodeSecond", rate(rumourOctets)),
            ("digestOctetsPerNodeSecond", rate(digestOctets)),
            ("streamOctetsPerNodeSecond", rate(streamOctets)),
            ("lateOctetsPerSecond", .number(late)),
            ("octets", .number(octets)), ("streamOctets", .number(streamOctets)),
            ("datagrams", .number(datagrams)), ("streams", .number(streams)),
            ("busiestNodeSecondOctets", .number(busiestNode)),
        ]
    }

    package func perNodeSecond(_ amount: UInt64) -> UInt64 {
        let product = amount.multipliedFullWidth(by: 1_000_000_000)
        return product.high >= nodeTime ? 0 : nodeTime.dividingFullWidth(product).quotient
    }

    /// Octets of all nodes in one of the last sixty seconds.
    private var late: UInt64 {
        let last = seconds.suffix(60)
        return last.isEmpty ? 0 : last.reduce(0, +) / UInt64(last.count)
    }
}
