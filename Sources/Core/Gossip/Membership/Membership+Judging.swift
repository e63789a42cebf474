package import Base

/// Who is believed, and when somebody is given up: Lifeguard's suspicion, and what goes beyond it.
///
/// Source: gossip-wire.md §11; gossip-scale.md §3.4.
extension Membership {
    /// Members of a ring that look into an accusation at once, on average.
    private static var confirmersMax: UInt32 { 5 }
    /// From so many members on nobody is given up on one accusation alone.
    private static var loneKillMembers: Int { 8 }
    private static var doubtedMax: Int { 256 }

    mutating func hear(_ rumour: Rumour, from source: PeerAddress, at now: Moment) {
        switch rumour {
        case .alive(let alive):
            let effects = table.hear(alive, at: now)
            obey(effects, at: now)
            if effects.isEmpty { answerStale(alive, from: source) }
        case .suspect(let suspect):
            let before = table[suspect.node]?.state
            let effects = table.hear(suspect, at: now)
            obey(effects, at: now)
            if suspect.node == own {
                if !effects.isEmpty { speakUp(to: source) }
            } else if before == .alive, table[suspect.node]?.state == .suspect {
                lookInto(suspect, at: now)
            }
        case .dead(let dead):
            if isDoubtful(dead, at: now) { return }
            let effects = table.hear(dead, at: now)
            obey(effects, at: now)
            if dead.node == own, !effects.isEmpty { speakUp(to: source) }
        }
    }

    /// Tells whoever accused this node itself, beside what is told to all.
    private mutating func speakUp(to source: PeerAddress) {
        guard rules.habits.contains(.fastConfirmation), !table.isLeaving else { return }
        sendAlone([.alive(table.ownWord)], to: source, takesChecksum: false)
    }

    /// A member that was given up and does not know has to hear of it, to outbid it.
    private mutating func answerStale(_ alive: Alive, from source: PeerAddress) {
        guard rules.habits.contains(.rejoin), let member = table[alive.node],
            !member.isPresent, member.peer == source, alive.incarnation <= member.incarnation
        else { return }
        let dead = Dead(node: alive.node, incarnation: member.incarnation, accuser: own)
        sendAlone([.dead(dead)], to: source, takesChecksum: member.takesChecksum)
    }

    // MARK: Accusations

    /// This node got no answer from a member.
    ///
    /// `nacks`: others that said they had none either. `health`: the awareness before the probe failed.
    mutating func accuse(_ node: NodeName, nacks: Int, health: Int, at now: Moment) {
        if let index = doubted.firstIndex(where: { $0.node == node }) {
            obey(table.hear(doubted.remove(at: index), at: now), at: now)
            return
        }
        guard let member = table[node], member.isPresent else { return }
        let suspect = Suspect(node: node, incarnation: member.incarnation, accuser: own)
        obey(table.hear(suspect, at: now), at: now)
        // One's own eyes are enough when they see others.
        let isClear = nacks > 0 || now.milliseconds(since: lastProof) <= rules.probeInterval
        if table.count == 2 || (health == 0 && isClear) { drain(node) }
    }

    /// Some look into an accusation at once, so that there are others who have seen for themselves.
    private mutating func lookInto(_ suspect: Suspect, at now: Moment) {
        guard rules.habits.contains(.fastConfirmation), awareness == 0, !isIsolated,
            generator.below(UInt32(clamping: max(1, table.count))) < Self.confirmersMax
        else { return }
        _ = probeNow(suspect.node, at: now)
    }

    /// Whether a death is looked into first: it comes before its accusation had time to be answered, or
    /// after this node heard the member itself.
    private mutating func isDoubtful(_ dead: Dead, at now: Moment) -> Bool {
        guard rules.habits.contains(.recencyVeto), !dead.isLeave, dead.node != own,
            dead.incarnation < MemberTable.hostileIncarnation, let member = table[dead.node],
            member.isPresent, dead.incarnation >= member.incarnation
        else { return false }
        let isHeard =
            member.heard != .zero
            && now.milliseconds(since: member.heard) < 2 * rules.probeInterval
        let suspicion = table.suspicion(of: dead.node)
        let isEarly =
            suspicion.map { now.milliseconds(since: $0.start) < $0.min / 2 } ?? true
        guard isHeard || isEarly else { return false }
        if doubted.contains(where: { $0.node == dead.node }) { return true }
        guard doubted.count < Self.doubtedMax,
            probeNow(dead.node, accusation: dead.incarnation, at: now)
        else { return false }
        doubted.append(dead)
        counts.deathsDoubted += 1
        return true
    }

    // MARK: Verdicts

    /// Gives up those whose time is over, where this node is in a state to judge.
    package mutating func wakeSuspicions(at now: Moment) {
        for (node, suspicion) in table.suspicionsDue(at: now) {
            if let later = putOff(node, suspicion, at: now) {
                counts.verdictsPutOff += 1
                table.postponeSuspicion(of: node, to: later)
            } else {
                obey(table.kill(node, at: now), at: now)
            }
        }
    }

    private mutating func putOff(
        _ node: NodeName,
        _ suspicion: Suspicion,
        at now: Moment
    ) -> Moment? {
        if now >= suspicion.lastDeadline { return nil }
        // Of two members, each is all that the other could hear.
        if rules.habits.contains(.isolationTest), table.count > 2 {
            if now.milliseconds(since: lastProof) > rules.probeInterval * 3 / 2 {
                return now.advanced(milliseconds: max(1, rules.probeInterval / 2))
            }
            if now < trustedFrom { return trustedFrom }
        }
        guard rules.habits.contains(.noLoneKills), table.count >= Self.loneKillMembers,
            suspicion.confirmations == 0, !inquired.contains(node), let target = table[node]
        else { return nil }
        inquired.append(node)
        let helpers = pick(Int(Self.confirmersMax)) { $0.state == .alive && $0.node != node }
        let sequence = nextSequence()
        _ = ask(helpers, about: target, sequence)
        let until = now.advanced(milliseconds: 2 * rules.probeTimeout)
        waiting.append(
            Waiting(sequence: sequence, node: node, purpose: .inquiry(node), until: until)
        )
        return until
    }

    /// Another reaches whom this node accuses.
    mutating func vindicate(_ node: NodeName, at now: Moment) {
        inquired.removeAll { $0 == node }
        guard let suspicion = table.suspicion(of: node) else { return }
        table.postponeSuspicion(of: node, to: now.advanced(milliseconds: suspicion.min))
        admit(node)
    }

    // MARK: What this node knows of itself

    /// Nobody was heard for longer than chance allows: a node of a ring hears two words in each interval.
    mutating func noticeIsolation(at now: Moment) {
        guard rules.habits.contains(.isolationTest), !isIsolated, table.count > 2,
            now.milliseconds(since: lastProof) > 3 * rules.probeInterval
        else { return }
        isIsolated = true
        put(.event(.isolated))
    }

    /// Somebody was heard: this node is connected.
    mutating func proveConnected(at now: Moment) {
        if now.milliseconds(since: lastProof) > 3 * rules.probeInterval {
            // What was said meanwhile may still be on its way.
            trustedFrom = max(trustedFrom, now.advanced(milliseconds: 2 * rules.probeInterval))
        }
        lastProof = now
        guard isIsolated else { return }
        isIsolated = false
        put(.event(.reconnected))
    }

    /// A member was heard itself, or reached through another.
    mutating func hearOf(_ node: NodeName, at now: Moment) {
        table.see(node, at: now)
        admit(node)
    }

    // MARK: Draining

    /// A second accuser makes it likely.
    mutating func considerDraining(_ node: NodeName, at now: Moment) {
        guard let suspicion = table.suspicion(of: node), suspicion.confirmations > 0 else { return }
        drain(node)
    }

    /// Never more than half: when most seem gone, it is rather this node that is.
    private mutating func drain(_ node: NodeName) {
        guard rules.habits.contains(.drain), !isIsolated,
            table[node]?.state == .suspect, 2 * (table.drainedCount + 1) <= table.presentCount,
            table.drain(node, true)
        else { return }
        counts.drains += 1
        put(.event(.drained(node)))
    }

    mutating func admit(_ node: NodeName) {
        if table.drain(node, false) { put(.event(.admitted(node))) }
    }
}
