import Gossip
import GossipNode
import Names

/// What a ring's node has counted, at one moment.
struct RingReading: Sendable {
    let counts: NodeCounts
    let counters: GossipCounters
}

/// The gossip plane's families; docs/operations lists them.
extension MetricsText {
    private typealias Counter = GossipCounters.Counter

    mutating func write(_ ring: RingReading) {
        writeMembers(ring.counts)
        writeProbes(ring.counts.membership)
        writeTraffic(ring.counters)
        writeRefusals(ring.counters, ring.counts.membership)
        writeStreams(ring.counters, ring.counts)
    }

    private mutating func writeMembers(_ counts: NodeCounts) {
        writer.family(
            "waggle_gossip_members",
            .gauge,
            "Members of the ring, by state.",
            [
                ("alive", counts.alive), ("suspect", counts.suspected), ("dead", counts.dead),
                ("left", counts.left),
            ].map { Sample([("state", $0.0)], $0.1) }
        )
        for (name, value, help) in [
            ("waggle_gossip_drained", counts.drained, "Members not to be sent to."),
            ("waggle_gossip_queue", counts.queueDepth, "Rumours still to be told."),
            ("waggle_gossip_awareness", counts.awareness, "The node's own health; 0 is best."),
            ("waggle_gossip_isolated", counts.isIsolated ? 1 : 0, "1 while nobody is heard."),
        ] {
            writer.family(name, .gauge, help, [Sample([], value)])
        }
    }

    private mutating func writeProbes(_ counts: MembershipCounts) {
        family(
            "waggle_gossip_probes_total",
            "Probes of members, by how they were answered.",
            "answer",
            [
                ("direct", counts.probesDirect), ("indirect", counts.probesIndirect),
                ("stream", counts.probesOverStreams), ("none", counts.probesFailed),
            ]
        )
        family(
            "waggle_gossip_events_total",
            "What became of members and of this node.",
            "event",
            [
                ("suspected", counts.suspicions), ("died", counts.deaths),
                ("refuted", counts.refutations), ("drained", counts.drains),
                ("conflict", counts.conflicts), ("stalled", counts.stalls),
                ("verdict_put_off", counts.verdictsPutOff),
                ("death_doubted", counts.deathsDoubted),
            ]
        )
        family(
            "waggle_gossip_rumours_total",
            "Rumours that were told often enough, and those dropped before.",
            "event",
            [("told", counts.rumoursTold), ("dropped", counts.rumoursDropped)]
        )
        family(
            "waggle_gossip_exchanges_total",
            "Exchanges of tables, by what came of them.",
            "result",
            [
                ("merged", counts.exchanges), ("failed", counts.exchangesFailed),
                ("incompatible", counts.exchangesIncompatible),
            ]
        )
    }

    private mutating func writeTraffic(_ counters: GossipCounters) {
        family(
            "waggle_gossip_datagrams_total",
            "Datagrams of the ring.",
            "direction",
            [("in", counters[.datagramsIn]), ("out", counters[.datagramsOut])]
        )
        family(
            "waggle_gossip_octets_total",
            "Octets of the ring's datagrams and streams.",
            "way",
            [
                ("datagrams_in", counters[.datagramOctetsIn]),
                ("datagrams_out", counters[.datagramOctetsOut]),
                ("streams_in", counters[.streamOctetsIn]),
                ("streams_out", counters[.streamOctetsOut]),
            ]
        )
        family(
            "waggle_gossip_system_calls_total",
            "System calls of the gossip thread's main path.",
            "call",
            [
                ("epoll_wait", counters[.waits]), ("recvmmsg", counters[.receives]),
                ("sendmmsg", counters[.sends]),
            ]
        )
    }

    private mutating func writeRefusals(_ counters: GossipCounters, _ counts: MembershipCounts) {
        family(
            "waggle_gossip_refused_total",
            "What was not taken, by reason.",
            "reason",
            [
                ("too_long", counters[.refusedTooLong]), ("source", counters[.refusedSource]),
                ("label", counters[.refusedLabel]), ("seal", counters[.refusedSeal]),
                ("checksum", counters[.refusedChecksum]),
                ("compression", counters[.refusedCompression]),
                ("message", counters[.refusedMessage]), ("truncated", counters[.truncatedParts]),
                ("word", UInt64(counts.refusedWords)),
                ("misdirected", UInt64(counts.misdirectedPings)),
                ("late_answer", UInt64(counts.lateAnswers)),
                ("relay", UInt64(counts.relaysRefused)),
                ("seed", UInt64(counts.seedsRefused)),
                ("unsent", counters[.datagramsUnsent]),
            ]
        )
    }

    private mutating func writeStreams(_ counters: GossipCounters, _ counts: NodeCounts) {
        family(
            "waggle_gossip_streams_total",
            "Streams of the ring, by what became of them.",
            "event",
            [
                ("accepted", counters[.streamsAccepted]), ("opened", counters[.streamsOpened]),
                ("refused", counters[.streamsRefused]), ("evicted", counters[.streamsEvicted]),
                ("timed_out", counters[.streamsTimedOut]), ("cut", counters[.streamsCut]),
                ("broken", counters[.streamsBroken]),
                ("unreachable", counters[.streamsUnreachable]),
                ("fault_label", counters[.streamFaultLabel]),
                ("fault_seal", counters[.streamFaultSeal]),
                ("fault_plain", counters[.streamFaultPlain]),
                ("fault_message", counters[.streamFaultMessage]),
                ("fault_limit", counters[.streamFaultLimit]),
            ]
        )
        writer.family(
            "waggle_gossip_streams",
            .gauge,
            "Streams of the ring that are open.",
            [Sample([], counts.streams)]
        )
    }

    /// What is told of endpoints, and what became of what others told.
    mutating func writeTables(_ ring: RingReading, _ discovery: Discovery, remote: Int) {
        guard let tables = ring.counts.tables else { return }
        let counts = tables.counts
        family(
            "waggle_tables_rumours_total",
            "Rumours of networks and their entries, by what became of them.",
            "result",
            [
                ("applied", counts.applied), ("stale", counts.stale),
                ("unattached", counts.unattached), ("unreadable", counts.unreadable),
                ("hostile_time", counts.hostileTimes), ("bound", counts.refusedBound),
                ("entry", counts.refusedEntry), ("corrected", counts.corrected),
            ]
        )
        family(
            "waggle_tables_parked_total",
            "Entries that came before the attachment of their owner, by what became of them.",
            "result",
            [
                ("parked", counts.parked), ("replayed", counts.parkedReplayed),
                ("dropped", counts.parkedDropped),
            ]
        )
        family(
            "waggle_tables_octets_total",
            "Octets of entries that were told, by the way they went.",
            "way",
            [
                ("eager", counts.eagerOctets), ("turn", counts.tickOctets),
                ("bulk", counts.bulkOctets), ("push", counts.pushedOctets),
            ]
        )
        family(
            "waggle_tables_dropped_total",
            "What was not told when it could have been; turns and exchanges make up for it.",
            "reason",
            [("budget", counts.eagerDropped), ("queue", counts.queueDropped)]
        )
        family(
            "waggle_tables_events_total",
            "Exchanges of tables and what they led to.",
            "event",
            [
                ("bulk_sync", counts.bulkSyncs), ("bulk_timeout", counts.bulkTimeouts),
                ("push", counts.pushes), ("digest", counts.digests), ("repair", counts.repairs),
                ("member_repair", counts.memberRepairs), ("reaped", counts.reaped),
                ("own_refused", counts.ownRefused), ("superseded", counts.superseded),
                ("restart", counts.restarts),
            ]
        )
        writeNetworks(tables)
        write(discovery, remote: remote)
    }

    private mutating func writeNetworks(_ tables: TableReport) {
        func samples(_ value: (TableReport.Network) -> Int) -> [Sample] {
            tables.networks.map { Sample([("network", "\($0.id)")], value($0)) }
        }
        for (name, help, value) in [
            ("waggle_tables_entries", "Entries of a network, own ones among them.", \.liveEntries),
            ("waggle_tables_participants", "Other nodes on a network.", \.participants.count),
            (
                "waggle_tables_synced", "1 once others' entries of a network have been taken.",
                \.syncedNumber
            ),
        ] as [(String, String, KeyPath<TableReport.Network, Int>)] {
            writer.family(name, .gauge, help, samples { $0[keyPath: value] })
        }
        for (name, help, value) in [
            ("waggle_tables_queue", "Rumours of tables still to be told.", tables.queueDepth),
            ("waggle_tables_parked", "Entries that wait for their owner.", tables.parked),
        ] {
            writer.family(name, .gauge, help, [Sample([], value)])
        }
    }

    private mutating func write(_ discovery: Discovery, remote: Int) {
        let counts = discovery.counts
        family(
            "waggle_discovery_entries_total",
            "Changes of other nodes' entries, and those from which no name follows.",
            "result",
            [
                ("taken", counts.changes), ("invalid", counts.invalid),
                ("strange_network", counts.strange), ("bound", counts.refusedBound),
            ]
        )
        writer.family(
            "waggle_dns_record_drift_total",
            .counter,
            "Names and entries that audits found other than they should be, and put right.",
            [Sample([], counts.drift)]
        )
        for (name, help, value) in [
            ("waggle_remote_endpoints", "Endpoints that other nodes have.", remote),
            (
                "waggle_drained_nodes", "Nodes whose endpoints are a last resort.",
                discovery.drainedOwners.count
            ),
        ] {
            writer.family(name, .gauge, help, [Sample([], value)])
        }
    }

    private mutating func family(
        _ name: String,
        _ help: String,
        _ label: String,
        _ list: [(String, some BinaryInteger)]
    ) {
        writer.family(name, .counter, help, list.map { Sample([(label, $0.0)], $0.1) })
    }
}

extension TableReport.Network {
    fileprivate var syncedNumber: Int { isSynced ? 1 : 0 }
}
