import Testing

/// What the peers do among themselves: where a mixed ring differs, it is not for their sake.
@Suite(
    "Rings of peers alone",
    Requirement.namespaces,
    .timeLimit(.minutes(5))
)
struct PeersTests {
    @Test("serf agents see each other alive, failed, back and left", Requirement.serf)
    func serf() async throws {
        try await withRingSpace { ring in
            let one = try await ring.serf("s1", 1, "-tag", "role=web")
            let two = try await ring.serf("s2", 2, "-retry-join=127.0.0.1")
            #expect(await one.shows("s2", "alive"))
            #expect(try await two.members()["s1"]?["tags"]["role"].text == "web")
            #expect(try await one.serf("event hello world").status == 0)
            #expect(await two.says("Received event: user-event: hello"))
            await two.crash()
            #expect(await one.shows("s2", "failed"))
            try await two.up()
            #expect(await one.shows("s2", "alive"))
            #expect(try await two.serf("leave").status == 0)
            #expect(await one.shows("s2", "left"))
        }
    }

    @Test(
        "memberlist nodes see each other join, update, die, come back and leave",
        Requirement.memberlist
    )
    func memberlist() async throws {
        try await withRingSpace { ring in
            let one = try await ring.peer("g1", 1)
            let two = try await ring.peer("g2", 2, "-join", "127.0.0.1:7946", "-meta", "m1")
            #expect(await one.says("join", of: "g2"))
            #expect(try await two.members() == ["g1", "g2"])
            try two.tell("bcast over there")
            try await one.event("msg")
            await two.crash()
            #expect(await one.says("leave", of: "g2"))
            try await two.up()
            #expect(await one.shows(["g1", "g2"]))
            try await two.ask("leave", "left")
            #expect(await one.shows(["g1"]))
        }
    }
}
