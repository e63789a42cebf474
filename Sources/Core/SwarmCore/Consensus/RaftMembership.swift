/// Who is in the cluster, and as what: sorted lists of numbers.
///
/// `outgoing` is empty except in a joint configuration. Source: Raft paper §6; raft.md §3.2.
package struct RaftMembership: Hashable, Sendable {
    /// The voters; in a joint configuration those to come.
    package private(set) var incoming: [RaftID] = []
    /// In a joint configuration, the voters until now.
    package private(set) var outgoing: [RaftID] = []
    /// Nodes that are sent the log and do not count.
    package private(set) var learners: [RaftID] = []
    /// Outgoing voters that will be learners once the joint configuration is left.
    package private(set) var learnersNext: [RaftID] = []
    /// Learners that the leader promotes by itself once they have caught up.
    package private(set) var joining: [RaftID] = []
    /// Whether the leader proposes to leave the joint configuration by itself.
    package private(set) var leavesByItself = false

    package init(voters: [RaftID] = [], learners: [RaftID] = []) {
        incoming = Self.sorted(voters)
        self.learners = Self.sorted(learners)
    }

    /// One that was written down before; lists in any order.
    package init(
        incoming: [RaftID],
        outgoing: [RaftID],
        learners: [RaftID],
        learnersNext: [RaftID],
        joining: [RaftID] = [],
        leavesByItself: Bool
    ) {
        self.incoming = Self.sorted(incoming)
        self.outgoing = Self.sorted(outgoing)
        self.learners = Self.sorted(learners)
        self.learnersNext = Self.sorted(learnersNext)
        self.joining = Self.sorted(joining)
        self.leavesByItself = leavesByItself
    }

    package var isJoint: Bool { !outgoing.isEmpty }

    /// Whether one node alone decides.
    package var isSingleton: Bool { incoming.count == 1 && outgoing.isEmpty }

    /// All that vote, each once, in order.
    package var voters: [RaftID] { Self.sorted(incoming + outgoing) }

    /// All that are sent the log, each once, in order.
    package var members: [RaftID] { Self.sorted(incoming + outgoing + learners + learnersNext) }

    package func isVoter(_ id: RaftID) -> Bool { incoming.contains(id) || outgoing.contains(id) }

    package func isLearner(_ id: RaftID) -> Bool { learners.contains(id) }

    package func isJoining(_ id: RaftID) -> Bool { joining.contains(id) }

    package func contains(_ id: RaftID) -> Bool {
        isVoter(id) || learners.contains(id) || learnersNext.contains(id)
    }

    private static func sorted(_ ids: [RaftID]) -> [RaftID] {
        var result: [RaftID] = []
        for id in ids.sorted() where result.last != id { result.append(id) }
        return result
    }
}

extension RaftMembership {
    /// What a change makes of a membership.
    package struct Changed: Sendable {
        package var membership: RaftMembership
        /// Members of which nothing is known yet: new ones, and those that were removed and added at once.
        package var fresh: [RaftID] = []
    }

    /// The membership after `change`.
    ///
    /// A pure function: every node that applies the entry gets the same.
    package func applying(_ change: MembershipChange) throws(MembershipError) -> Changed {
        if change.leavesJoint { return try leavingJoint() }
        if change.entersJoint {
            return try enteringJoint(change.steps, leavesByItself: change.leavesByItself)
        }
        return try changing(change.steps)
    }

    /// Without a joint configuration: one voter at most may come, go, or change.
    package func changing(_ steps: [MembershipChange.Step]) throws(MembershipError) -> Changed {
        if isJoint { throw .joint }
        let result = try taking(steps, from: self)
        if changedVoters(from: result.membership) > 1 { throw .tooManyVoters }
        return result
    }

    /// The joint configuration that leads to what the steps say.
    package func enteringJoint(
        _ steps: [MembershipChange.Step],
        leavesByItself: Bool
    ) throws(MembershipError) -> Changed {
        if isJoint { throw .joint }
        if incoming.isEmpty { throw .emptyJoint }
        var start = self
        start.outgoing = incoming
        start.leavesByItself = leavesByItself
        return try taking(steps, from: start)
    }

    /// What a joint configuration leads to.
    package func leavingJoint() throws(MembershipError) -> Changed {
        if !isJoint { throw .notJoint }
        var left = self
        left.learners = Self.sorted(learners + learnersNext)
        left.learnersNext = []
        left.outgoing = []
        left.leavesByItself = false
        return Changed(membership: left)
    }

    private func taking(
        _ steps: [MembershipChange.Step],
        from start: RaftMembership
    ) throws(MembershipError) -> Changed {
        var result = Changed(membership: start)
        for step in steps { result.take(step) }
        if result.membership.incoming.isEmpty { throw .noVoters }
        return result
    }

    private func changedVoters(from other: RaftMembership) -> Int {
        incoming.count { !other.incoming.contains($0) }
            + other.incoming.count { !incoming.contains($0) }
    }
}

extension RaftMembership.Changed {
    fileprivate mutating func take(_ step: MembershipChange.Step) {
        switch step {
        case .addVoter(let id) where id.raw != 0: addVoter(id)
        case .addLearner(let id) where id.raw != 0: addLearner(id)
        case .join(let id) where id.raw != 0: join(id)
        case .remove(let id) where id.raw != 0: remove(id)
        default: break
        }
    }

    private mutating func addVoter(_ id: RaftID) {
        welcome(id)
        membership.forget(id)
        membership.insert(id, into: \.incoming)
    }

    private mutating func addLearner(_ id: RaftID) {
        membership.joining.removeAll { $0 == id }
        if membership.learners.contains(id) { return }
        welcome(id)
        membership.forget(id)
        // A voter of the old configuration keeps its vote there until that one ends.
        if membership.outgoing.contains(id) {
            membership.insert(id, into: \.learnersNext)
        } else {
            membership.insert(id, into: \.learners)
        }
    }

    private mutating func join(_ id: RaftID) {
        if membership.incoming.contains(id) { return }
        addLearner(id)
        membership.insert(id, into: \.joining)
    }

    private mutating func remove(_ id: RaftID) {
        membership.forget(id)
        if !membership.contains(id) { fresh.removeAll { $0 == id } }
    }

    /// What was known of a node that was no member is not true of it any more.
    private mutating func welcome(_ id: RaftID) {
        if !membership.contains(id), !fresh.contains(id) { fresh.append(id) }
    }
}

extension RaftMembership {
    /// Takes a node out of all lists but the outgoing voters.
    fileprivate mutating func forget(_ id: RaftID) {
        incoming.removeAll { $0 == id }
        learners.removeAll { $0 == id }
        learnersNext.removeAll { $0 == id }
        joining.removeAll { $0 == id }
    }

    fileprivate mutating func insert(
        _ id: RaftID,
        into list: WritableKeyPath<RaftMembership, [RaftID]>
    ) {
        self[keyPath: list] = Self.sorted(self[keyPath: list] + [id])
    }
}
