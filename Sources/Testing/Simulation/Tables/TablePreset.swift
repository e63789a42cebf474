package import Gossip

/// Rules of membership and tables that are held against each other, under the name that reports have
/// for them.
package struct TablePreset: Hashable, Sendable {
    /// The rules of one node.
    package struct Part: Hashable, Sendable {
        package var membership: MembershipRules
        package var tables: TableRing.Rules
        package var versions: VersionVector
        /// Whether the node says in its meta which run of which node it is, and what it can do.
        package var hasMeta: Bool
        /// Whether incarnations begin with the clock.
        package var startsHigh: Bool
        /// Whether one of the failed is asked every second, as NetworkDB does above memberlist.
        package var reconnects: Bool

        static let networkDB = Part(
            membership: MembershipRules.lan.asMemberlist,
            tables: TableRing.Rules(habits: .networkDB),
            versions: .networkDB,
            hasMeta: false,
            startsHigh: false,
            reconnects: true
        )

        static let waggle = Part(
            membership: .lan,
            tables: TableRing.Rules(),
            versions: .agreeing,
            hasMeta: true,
            startsHigh: true,
            reconnects: false
        )
    }

    package let name: String
    /// Of nodes that know no more than NetworkDB.
    package var legacy = Part.networkDB
    /// Of the others.
    package var capable = Part.waggle
    /// How many of 100 nodes are of the first kind.
    package var legacyPercent: Int

    package init(_ name: String, legacyPercent: Int) {
        self.name = name
        self.legacyPercent = legacyPercent
    }

    /// Spread evenly, the first node of a mixed ring among the capable.
    package func isLegacy(_ node: Int) -> Bool {
        (node + 1) * legacyPercent / 100 > node * legacyPercent / 100
    }

    package func part(of node: Int) -> Part { isLegacy(node) ? legacy : capable }

    /// Whether each record has to be where it belongs when all is over: with every habit of ours, and
    /// nobody who lacks them.
    package var isSafe: Bool { legacyPercent == 0 && capable.tables.habits == .waggle }

    package static let networkDB = TablePreset("networkdb", legacyPercent: 100)
    package static let waggle = TablePreset("waggle", legacyPercent: 0)

    /// Docker's nodes among ours.
    package static let mixed = [10, 50, 90].map { TablePreset("mixed-\($0)", legacyPercent: $0) }

    /// Habits that one can be left out of, by name.
    private static let habits: [(String, TableRing.Habits)] = [
        ("eager", .eager), ("digests", .digests), ("delta-replies", .deltaReplies),
        ("prerequisites", .prerequisites), ("sole-source", .soleSource),
        ("member-digest", .memberDigest), ("authority", .authority),
        ("succession", .succession), ("welcome", .welcome),
    ]

    /// Ours, each time without one habit.
    package static let ablations =
        habits.map { name, habit in
            var preset = TablePreset("without-\(name)", legacyPercent: 0)
            let habits = TableRing.Habits.waggle.subtracting(habit)
            preset.capable.tables = TableRing.Rules(habits: habits)
            return preset
        }
        + memberHabits.map { name, habit in
            var preset = TablePreset("without-\(name)", legacyPercent: 0)
            preset.capable.membership.habits.subtract(habit)
            return preset
        }

    /// Habits of membership that decide how soon a ring has its tables.
    private static let memberHabits: [(String, MembershipRules.Habits)] = [
        ("eager-sync", .eagerSync), ("parallel-sync", .parallelSync), ("referral", .referral),
    ]

    /// Those that run unless others are asked for.
    package static let usual = [networkDB, waggle]

    package static let all = usual + mixed + ablations

    package static func named(_ name: String) -> TablePreset? {
        all.first { $0.name == name }
    }
}
