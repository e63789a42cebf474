import Base
import Glibc
import Gossip
import GossipNode
import GossipWire
import Synchronization
import Testing

@Suite("GossipNode: nodes on loopback", .serialized, .timeLimit(.minutes(3)))
struct RingTests {
    @Test("Five nodes that know one of them find each other")
    func find() async throws {
        let nodes = try await ring(5)
        for node in nodes {
            let members = try await node.members()
            #expect(members.filter { $0.isOwn }.map(\.name) == [node.name])
            for member in members {
                let other = try #require(nodes.first { $0.name == member.name })
                #expect(member.address == other.address)
                #expect(member.versions == .networkDB)
                #expect(!member.isDrained)
            }
        }
        let counts = try await nodes[0].counts()
        #expect(counts.alive == 5)
        #expect(counts.dead == 0)
        // Tables went over streams, everything else in datagrams.
        let counters = nodes[0].node.counters
        #expect(counters[.exchangesAsked] >= 4)
        #expect(counters[.exchangesAnswered] >= 4)
        #expect(counters[.datagramsIn] > 0)
        #expect(counters[.datagramsUnsent] == 0)
        #expect(counters[.refusedMessage] == 0)
    }

    @Test("A node that stops is dead, one that leaves has left, and it hears so itself")
    func stopAndLeave() async throws {
        let nodes = try await ring(4)
        try await nodes[3].leave()
        for node in nodes.prefix(3) {
            try await wait("left at \(node.name)") {
                try await node.state(of: nodes[3]) == .left
            }
        }
        // Nobody waits twice.
        try await nodes[3].leave()
        nodes[2].node.stop()
        for node in nodes.prefix(2) {
            try await wait("dead at \(node.name)") {
                try await node.state(of: nodes[2]) == .dead
            }
            let events = node.node.takeEvents()
            #expect(events.dropped == 0)
            #expect(events.events.contains { $0.event == .left(nodes[3].name) })
            let death = try #require(events.events.first { $0.event == .died(nodes[2].name) })
            #expect(death.member?.address == nodes[2].address)
        }
    }

    @Test("A node that starts again under its name and port is alive again")
    func restart() async throws {
        var nodes = try await ring(3)
        let port = nodes[1].address.port
        let old = nodes[1]
        old.node.stop()
        try await wait("dead") { try await nodes[0].state(of: old) == .dead }
        nodes[1] = try TestNode("n1", port: port, incarnation: 1)
        nodes[1].node.join([nodes[0].address])
        try await wait("alive again") { try await allSeeAll(nodes) }
    }

    @Test("A seed that is not there yet is asked until it is")
    func lateSeed() async throws {
        let early = try TestNode("early")
        let probe = try TestNode("probe")
        let port = probe.address.port
        probe.node.stop()
        early.node.join([probe.address])
        var failures = 0
        try await wait("a failure is told") {
            failures +=
                early.node.takeEvents().events.filter { event in
                    if case .joinFailed = event.event { true } else { false }
                }.count
            return failures >= 2
        }
        let late = try TestNode("late", port: port)
        try await wait("joined") { try await allSeeAll([early, late]) }
        #expect(early.node.counters[.streamsUnreachable] >= 2)
    }

    @Test("What a node says of itself reaches the others")
    func meta() async throws {
        let nodes = try await ring(3)
        let meta = Array("role=web".utf8)
        nodes[2].node.update(meta: meta)
        for node in nodes {
            try await wait("meta at \(node.name)") {
                try await node.members().first { $0.name == nodes[2].name }?.meta == meta
            }
        }
    }

    @Test("A dead member is forgotten everywhere when one node is told so")
    func forget() async throws {
        let nodes = try await ring(3)
        nodes[2].node.stop()
        try await wait("dead") { try await nodes[0].state(of: nodes[2]) == .dead }
        try await wait("dead") { try await nodes[1].state(of: nodes[2]) == .dead }
        try await GossipNode.answer { nodes[0].node.forget(nodes[2].name, $0) }
        #expect(try await nodes[0].state(of: nodes[2]) == nil)
        await #expect(throws: GossipNodeError.unknownMember(NodeName("nobody"))) {
            try await GossipNode.answer { nodes[0].node.forget(NodeName("nobody"), $0) }
        }
    }

    @Test("A port that refuses is told to the engine, and a stopped node answers nobody")
    func refusedPort() async throws {
        let nodes = try await ring(2)
        nodes[1].node.stop()
        try await wait("a port refuses") { nodes[0].node.counters[.portsRefused] > 0 }
        await #expect(throws: GossipNodeError.stopped) { try await nodes[1].members() }
        try await wait("dead") { try await nodes[0].state(of: nodes[1]) == .dead }
    }

    @Test("Nodes with serf's delegate find each other, and one that leaves says so before")
    func serf() async throws {
        let nodes = try await ring(3) {
            $0.versions = .serf
            $0.meta = SerfTags().meta
            $0.delegate = .serf(SerfRing.Rules($0.rules))
        }
        let counters = nodes[0].node.counters
        try await wait("intents are heard") { counters[.delegateMessages] >= 2 }
        // Serf's versions and networkdb's do not meet.
        let other = try TestNode("other")
        other.node.join([nodes[0].address])
        try await wait("refused") {
            try await nodes[0].counts().membership.exchangesIncompatible >= 1
        }
        #expect(try await other.sees([other]))
        let before = counters[.delegateMessages]
        try await nodes[2].leave()
        try await wait("left") { try await nodes[0].state(of: nodes[2]) == .left }
        #expect(counters[.delegateMessages] > before)
        #expect(counters[.delegateMessagesIgnored] == 0)
    }

    @Test("A node that did not run for a while hears what waits, and accuses nobody")
    func stall() async throws {
        // What is called on the node's thread keeps it from running.
        let milliseconds = Mutex<UInt32>(0)
        let sleepy = try TestNode(
            "sleepy",
            onEvents: {
                let pause = milliseconds.withLock { value in
                    defer { value = 0 }
                    return value
                }
                if pause > 0 { usleep(pause * 1000) }
            }
        )
        let others = try await ring(3)
        sleepy.node.join([others[0].address])
        let all = others + [sleepy]
        try await wait("all see all") { try await allSeeAll(all) }
        let before = try await sleepy.counts().membership
        for round: UInt8 in 0..<3 {
            _ = sleepy.node.takeEvents()
            milliseconds.withLock { $0 = 500 }
            others[1].node.update(meta: [round])
            try await wait("it sleeps") { milliseconds.withLock { $0 } == 0 }
            // Asked now, it answers when it runs again.
            try await wait("it runs") {
                try await sleepy.members().contains { $0.meta == [round] }
            }
        }
        let after = try await sleepy.counts().membership
        #expect(after.stalls >= before.stalls + 3)
        #expect(after.stalls <= before.stalls + 6)
        #expect(after.deaths == 0)
        #expect(after.suspicions == before.suspicions)
        try await wait("all see all again") { try await allSeeAll(all) }
    }

    @Test("Events that nobody takes are bounded, and the lost are counted")
    func events() async throws {
        let node = try TestNode("n") { $0.limits.eventsMax = 8 }
        let other = try TestNode("o")
        node.node.join([other.address])
        try await wait("joined") { try await allSeeAll([node, other]) }
        // Each change of meta is an event.
        for number in 0..<40 {
            other.node.update(meta: Array("\(number)".utf8))
            try await wait("meta") {
                try await node.members().contains { $0.meta == Array("\(number)".utf8) }
            }
        }
        let taken = node.node.takeEvents()
        #expect(taken.events.count == 8)
        #expect(taken.dropped >= 33)
        #expect(node.node.takeEvents().events.isEmpty)
    }
}
