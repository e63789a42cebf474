/// What the network does to what is sent, as it is at one moment.
///
/// What falls for one datagram depends on its sender, its receiver and how many went before it between
/// the two: every set of rules meets the same weather. Source: gossip-scale.md §4.4.
package struct Weather: Sendable {
    /// Groups that walls can stand between.
    package static let groupsMax = 8

    /// Datagrams that are lost anywhere.
    package var loss = Millionths.none
    /// Datagrams that arrive twice.
    package var duplicates = Millionths.none
    /// Datagrams lost on their way into and out of each node.
    package var inbound: [Millionths]
    package var outbound: [Millionths]
    /// Nodes whose datagrams, in and out, are thrown away while streams pass.
    package var isDatagramless: [Bool]
    /// The side of each node.
    package var group: [UInt8]
    /// Bit `8 * from + to`: nothing goes from that group to that.
    private var walls: UInt64 = 0

    private let chance: Chance
    private let nodes: Int
    /// Datagrams so far from each node to each.
    private var sent: [UInt32]

    package init(nodes: Int, chance: Chance) {
        self.chance = chance
        self.nodes = nodes
        inbound = Array(repeating: .none, count: nodes)
        outbound = Array(repeating: .none, count: nodes)
        isDatagramless = Array(repeating: false, count: nodes)
        group = Array(repeating: 0, count: nodes)
        sent = Array(repeating: 0, count: nodes * nodes)
    }

    /// What becomes of one datagram.
    package enum Fate: Hashable, Sendable {
        /// Lost by chance.
        case lost
        /// Stopped by a wall, or by a path that takes no datagrams.
        case walled
        /// Arrives after so many nanoseconds, and again after so many where there is a second.
        case arrives(UInt64, again: UInt64?)
    }

    /// Whether anything passes from one node to another.
    package func isOpen(from: Int, to: Int) -> Bool {
        walls & Self.wall(group[from], group[to]) == 0
    }

    /// Whether a node's ways in and out are as they are for all.
    package func isWell(_ node: Int) -> Bool {
        guard inbound[node] == .none, outbound[node] == .none, !isDatagramless[node] else {
            return false
        }
        let own = group[node]
        return (0..<UInt8(Self.groupsMax)).allSatisfy {
            walls & (Self.wall($0, own) | Self.wall(own, $0)) == 0
        }
    }

    /// Lets nothing pass from one group to another, or all again.
    package mutating func wall(from: UInt8, to: UInt8, stands: Bool) {
        if stands { walls |= Self.wall(from, to) } else { walls &= ~Self.wall(from, to) }
    }

    /// Sends one datagram.
    package mutating func fate(from: Int, to: Int) -> Fate {
        let pair = from * nodes + to
        let number = UInt64(sent[pair])
        sent[pair] &+= 1
        let a = UInt64(from)
        let b = UInt64(to)
        if !isOpen(from: from, to: to) || isDatagramless[from] || isDatagramless[to] {
            return .walled
        }
        if hasLoss(from: from, to: to) {
            let bits = chance.draw(.loss, a, b, number)
            // Three losses by chance in a row, each with even bits of its own.
            if loss.contains(bits) || outbound[from].contains(chance.draw(.loss, bits, 1))
                || inbound[to].contains(chance.draw(.loss, bits, 2))
            {
                return .lost
            }
        }
        let delay = DelayTable.nanoseconds(chance.draw(.delay, a, b, number))
        guard duplicates != .none, duplicates.contains(chance.draw(.duplicate, a, b, number)) else {
            return .arrives(delay, again: nil)
        }
        let again = DelayTable.nanoseconds(chance.draw(.duplicate, a, b, number &+ 1 << 32))
        return .arrives(delay, again: again)
    }

    /// How long the `number`th stream takes until its first octets have arrived: a hand-shake and one
    /// way; nil when it does not get through by `limit`.
    ///
    /// What is lost is sent again after a second while it is being set up, after 200 ms later (Linux).
    package func streamDelay(from: Int, to: Int, number: UInt64, limit: UInt64) -> UInt64? {
        guard isOpen(from: from, to: to), isOpen(from: to, to: from) else { return nil }
        var total: UInt64 = 0
        for step in 0..<3 {
            let forth = step != 1
            let sender = forth ? from : to
            let receiver = forth ? to : from
            var pause: UInt64 = step < 2 ? 1_000_000_000 : 200_000_000
            for attempt in 0..<8 {
                let bits = chance.draw(.stream, number, UInt64(step), UInt64(attempt))
                let isLost =
                    loss.contains(bits) || outbound[sender].contains(chance.draw(.stream, bits, 1))
                    || inbound[receiver].contains(chance.draw(.stream, bits, 2))
                if !isLost {
                    total += DelayTable.nanoseconds(chance.draw(.stream, bits, 3))
                    break
                }
                total += pause
                pause *= 2
                if total > limit { return nil }
            }
        }
        return total > limit ? nil : total
    }

    private func hasLoss(from: Int, to: Int) -> Bool {
        loss != .none || outbound[from] != .none || inbound[to] != .none
    }

    private static func wall(_ from: UInt8, _ to: UInt8) -> UInt64 {
        1 << UInt64(from * UInt8(groupsMax) + to)
    }
}
