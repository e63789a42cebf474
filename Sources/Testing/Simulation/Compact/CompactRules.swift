import Base
import Gossip

/// A preset's rules as a compact ring asks for them: nanoseconds, plain truths, and what follows from
/// the number of members, by the engine's own functions.
struct CompactRules {
    static let millisecond: UInt64 = 1_000_000

    let probeInterval: UInt64
    let probeTimeout: UInt64
    /// How long a probe beside the round may take.
    let extraTime: UInt64
    let indirectProbes: Int
    let nackAfter: UInt64
    let gossipInterval: UInt64
    let gossipFanout: Int
    let gossipToTheDead: UInt64
    let pushPullFirst: UInt64
    let pushPullInterval: UInt64
    let streamTimeout: UInt64
    let awarenessMax: UInt8
    let offeredOctets: Int
    let transmitsMax: UInt8
    /// From the beginning of a suspicion to its end, by the accusers beside the first.
    let suspicionTimes: [UInt64]
    let suspicionMin: UInt64
    let suspicionMax: UInt64
    let confirmationsMax: UInt8

    let isHealthProbe: Bool
    let isBuddy: Bool
    let isIsolationTest: Bool
    let isNoLoneKills: Bool
    let isRecencyVeto: Bool
    let isFastConfirmation: Bool
    let isDrain: Bool
    let isRejoin: Bool
    let isEagerSync: Bool

    init(_ rules: MembershipRules, nodes: Int) {
        func nanoseconds(_ milliseconds: UInt64) -> UInt64 { milliseconds * Self.millisecond }
        probeInterval = nanoseconds(rules.probeInterval)
        probeTimeout = nanoseconds(rules.probeTimeout)
        extraTime = nanoseconds(rules.probeTimeout * 6 / 5)
        indirectProbes = rules.indirectProbes
        nackAfter = nanoseconds(rules.nackAfter)
        gossipInterval = nanoseconds(rules.gossipInterval)
        gossipFanout = rules.gossipFanout
        gossipToTheDead = nanoseconds(rules.gossipToTheDead)
        pushPullFirst = rules.pushPullInterval
        pushPullInterval = nanoseconds(rules.exchangeInterval(members: nodes))
        streamTimeout = nanoseconds(rules.streamTimeout)
        awarenessMax = UInt8(rules.awarenessMax - 1)
        offeredOctets = rules.offeredOctets
        transmitsMax = UInt8(
            clamping: Transmits.max(
                multiplier: rules.retransmitMultiplier,
                members: nodes
            )
        )
        let habits = rules.habits
        let suspicion = Suspicion.Rules(
            multiplier: rules.suspicion.multiplier,
            maxMultiplier: habits.contains(.healthSuspicion) ? rules.suspicion.maxMultiplier : 1,
            probeIntervalMilliseconds: rules.suspicion.probeIntervalMilliseconds
        )
        var example = Suspicion(
            rules: suspicion,
            members: nodes,
            accuser: SimulatedName.name(0),
            at: .zero
        )
        var times = [example.deadline.nanoseconds]
        for accuser in 0..<example.confirmationsMax {
            _ = example.confirm(by: SimulatedName.name(1 + accuser))
            times.append(example.deadline.nanoseconds)
        }
        suspicionTimes = times
        suspicionMin = nanoseconds(example.min)
        suspicionMax = nanoseconds(example.max)
        confirmationsMax = UInt8(example.confirmationsMax)
        precondition(example.confirmationsMax < CompactView.accusersMax, "more accusers than room")
        isHealthProbe = habits.contains(.healthProbe)
        isBuddy = habits.contains(.buddy)
        isIsolationTest = habits.contains(.isolationTest)
        isNoLoneKills = habits.contains(.noLoneKills)
        isRecencyVeto = habits.contains(.recencyVeto)
        isFastConfirmation = habits.contains(.fastConfirmation)
        isDrain = habits.contains(.drain)
        isRejoin = habits.contains(.rejoin)
        isEagerSync = habits.contains(.eagerSync)
    }
}
