package import Base

/// Intents about nodes that nobody here knows yet: the word of a leave may come before that of a join.
///
/// The newest of each node is kept for a while; of too many the oldest go.
/// Source: gossip-wire.md §18.5.
package struct SerfIntents: Sendable {
    package struct Intent: Hashable, Sendable {
        package let time: LamportTime
        package let isLeave: Bool
        fileprivate let heardAt: Moment
    }

    private var byNode: [NodeName: Intent] = [:]
    /// In the order in which they were first heard.
    private var order: [NodeName] = []

    package init() {}

    package var count: Int { order.count }

    package subscript(node: NodeName) -> Intent? { byNode[node] }

    /// Keeps an intent; false when a newer one, or this one, is known.
    package mutating func remember(
        _ node: NodeName,
        _ time: LamportTime,
        isLeave: Bool,
        at now: Moment
    ) -> Bool {
        if let known = byNode[node] {
            guard time > known.time else { return false }
        } else {
            order.append(node)
        }
        byNode[node] = Intent(time: time, isLeave: isLeave, heardAt: now)
        return true
    }

    /// Lets go of those heard before `milliseconds`, and of the first beyond `countMax`; returns how many
    /// of these.
    package mutating func forget(olderThan milliseconds: UInt64, at now: Moment) {
        order.removeAll { node in
            guard let intent = byNode[node],
                now.milliseconds(since: intent.heardAt) >= milliseconds
            else { return false }
            byNode[node] = nil
            return true
        }
    }

    /// Lets go of those heard first until `countMax` are left; returns how many went.
    package mutating func prune(countMax: Int) -> Int {
        let surplus = max(0, order.count - countMax)
        for node in order.prefix(surplus) { byNode[node] = nil }
        order.removeFirst(surplus)
        return surplus
    }

    /// The node is known now.
    package mutating func take(_ node: NodeName) -> Intent? {
        guard let intent = byNode.removeValue(forKey: node) else { return nil }
        order.removeAll { $0 == node }
        return intent
    }
}
