package import Gossip

/// Rules that are held against each other, under the name that tables have for them.
package struct Preset: Hashable, Sendable {
    package let name: String
    package var rules: MembershipRules
    /// Whether incarnations begin with the clock, so that a node which comes back is heard at once.
    package var startsHigh: Bool
    /// Whether probing, telling and reading are loops of their own, as in memberlist, and not one.
    package var hasLoops: Bool

    package init(
        _ name: String,
        _ rules: MembershipRules,
        startsHigh: Bool,
        hasLoops: Bool = true
    ) {
        self.name = name
        self.rules = rules
        self.startsHigh = startsHigh
        self.hasLoops = hasLoops
    }

    /// Lifeguard's own experiments wait five intervals per decade (gossip-scale.md §1.3).
    private static func tested(_ name: String, _ habits: MembershipRules.Habits) -> Preset {
        var rules = MembershipRules.lan.asMemberlist
        rules.suspicion = Suspicion.Rules(
            multiplier: 5,
            maxMultiplier: 6,
            probeIntervalMilliseconds: 1000
        )
        rules.habits = habits
        return Preset(name, rules, startsHigh: false)
    }

    /// SWIM with memberlist's times and none of Lifeguard's habits.
    package static let swim = tested("swim", [])
    package static let lifeguard = tested("lifeguard", .lifeguard)
    package static let memberlist = Preset(
        "memberlist-lan",
        MembershipRules.lan.asMemberlist,
        startsHigh: false
    )
    package static let waggle = Preset("waggle", .lan, startsHigh: true, hasLoops: false)

    /// Each part of Lifeguard alone.
    package static let parts = [
        tested("lha-probe", .healthProbe), tested("lha-suspicion", .healthSuspicion),
        tested("buddy", .buddy),
    ]

    /// Habits that one can be left out of, by name.
    private static let habits: [(String, MembershipRules.Habits)] = [
        ("health-probe", .healthProbe), ("health-suspicion", .healthSuspicion), ("buddy", .buddy),
        ("stall-compensation", .stallCompensation), ("isolation-test", .isolationTest),
        ("no-lone-kills", .noLoneKills), ("recency-veto", .recencyVeto),
        ("fast-confirmation", .fastConfirmation), ("drain", .drain), ("rejoin", .rejoin),
        ("eager-sync", .eagerSync),
    ]

    /// Ours, each time without one habit.
    package static let ablations = habits.map { name, habit in
        var preset = Preset("without-\(name)", .lan, startsHigh: true, hasLoops: false)
        preset.rules.habits.subtract(habit)
        return preset
    }

    /// Those that run unless others are asked for.
    package static let usual = [swim, lifeguard, memberlist, waggle]

    package static let all = usual + parts + ablations

    package static func named(_ name: String) -> Preset? {
        all.first { $0.name == name }
    }
}
