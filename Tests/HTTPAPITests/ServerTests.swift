import Base
import FoundationEssentials
import HTTPAPI
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Octets over a socket, the way a rude client sends them.
private func exchange(
    _ path: String,
    _ pieces: [String],
    pauseMilliseconds: Int = 0,
    halfClose: Bool = false
) async throws -> String {
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .channelOption(.allowRemoteHalfClosure, value: true)
        .connect(unixDomainSocketPath: path) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true)
                )
            }
        }
    return try await channel.executeThenClose { inbound, outbound in
        for piece in pieces {
            // The server may have hung up already; what it said before counts.
            try? await outbound.write(ByteBuffer(string: piece))
            if pauseMilliseconds > 0 { try await Task.sleep(for: .milliseconds(pauseMilliseconds)) }
        }
        if halfClose { outbound.finish() }
        var received = ByteBuffer()
        do {
            for try await part in inbound { received.writeImmutableBuffer(part) }
        } catch {}
        return String(buffer: received)
    }
}

/// Runs a server for the length of `body` on a socket in a fresh folder.
private func withServer(
    _ limits: APILimits = APILimits(),
    group: String? = nil,
    handler: @escaping APIHandler = { echo($0) },
    _ body: @Sendable (String, APIServer) async throws -> Void
) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/waggle-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/s.sock"
    let server = try await APIServer.bind(
        [APIListener(.unix(path: path, group: group), handler: handler)],
        limits: limits
    )
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { await server.run() }
        do {
            try await body(path, server)
        } catch {
            server.stop()
            throw error
        }
        server.stop()
        try await tasks.waitForAll()
    }
    #expect(!FileManager.default.fileExists(atPath: path))
    try FileManager.default.removeItem(atPath: folder)
}

private func echo(_ request: APIRequest) -> APIResponse {
    .json([
        "method": .string(request.method), "path": .strings(request.path),
        "octets": .integer(request.body.count),
    ])
}

@Suite("Server on a unix socket", .timeLimit(.minutes(2)))
struct ServerTests {
    @Test("the client gets what the handler says")
    func clientExchange() async throws {
        try await withServer { path, _ in
            let client = APIClient(socketPath: path)
            let response = try await client.send(
                APIRequest(method: "POST", path: ["a/b", "c"], body: Array("hello".utf8))
            )
            #expect(response.status == 200)
            #expect(
                try JSONValue(parsing: response.body).description
                    == #"{"method":"POST","path":["a/b","c"],"octets":5}"#
            )
        }
    }

    @Test("bodies of many steps go both ways whole")
    func largeBodies() async throws {
        try await withServer(handler: {
            APIResponse(status: 200, contentType: "x/y", body: $0.body)
        }) { path, _ in
            let body = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let response = try await APIClient(socketPath: path).send(
                APIRequest(method: "POST", path: [], body: body)
            )
            #expect(response.body == body)
        }
    }

    @Test("the index and other headers arrive")
    func headers() async throws {
        try await withServer(handler: { _ in .json([], index: 42) }) { path, _ in
            let response = try await APIClient(socketPath: path).send(
                APIRequest(method: "GET", path: ["x"])
            )
            #expect(response.header("x-waggle-index") == "42")
        }
    }

    @Test("HEAD has the length and no body, 204 has neither")
    func bareResponses() async throws {
        try await withServer { path, _ in
            let head = try await exchange(
                path,
                ["HEAD /x HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"]
            )
            #expect(head.contains("Content-Length: 41\r\n"), "\(head)")
            #expect(head.hasSuffix("\r\n\r\n"))
        }
        try await withServer(handler: { _ in .done }) { path, _ in
            let none = try await exchange(
                path,
                ["DELETE /x HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n"]
            )
            #expect(none.hasPrefix("HTTP/1.1 204 "))
            #expect(!none.lowercased().contains("content-length"))
        }
    }

    @Test("pipelined requests are answered in order on one connection")
    func pipelining() async throws {
        let handler: APIHandler = { request in
            // The first one takes longest; order must not depend on that.
            if request.path == ["1"] { try? await Task.sleep(for: .milliseconds(50)) }
            return .text("<\(request.path[0]):\(request.body.count)>")
        }
        try await withServer(handler: handler) { path, _ in
            let text = try await exchange(
                path,
                [
                    "GET /1 HTTP/1.1\r\nHost: w\r\n\r\nPOST /2 HTTP/1.1\r\nHost: w\r\n"
                        + "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: w\r\n"
                        + "Connection: close\r\n\r\nGET /4 HTTP/1.1\r\n\r\n"
                ]
            )
            let answers = text.split(separator: "<").dropFirst().map { $0.prefix { $0 != ">" } }
            #expect(answers == ["1:0", "2:3", "3:0"])
        }
    }

    @Test("HTTP/1.0 closes unless it asks to stay")
    func oldClients() async throws {
        try await withServer { path, _ in
            let closed = try await exchange(path, ["GET /x HTTP/1.0\r\n\r\n"])
            #expect(closed.contains("Connection: close\r\n"))
            let kept = try await exchange(
                path,
                [
                    "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                    "GET /y HTTP/1.0\r\n\r\n",
                ]
            )
            #expect(kept.components(separatedBy: "HTTP/1.1 200").count == 3)
            #expect(kept.contains("Connection: keep-alive\r\n"))
        }
    }

    @Test("a client that shuts its sending half still gets its response")
    func halfClosed() async throws {
        let slow: APIHandler = { request in
            try? await Task.sleep(for: .milliseconds(50))
            return echo(request)
        }
        try await withServer(handler: slow) { path, _ in
            let text = try await exchange(
                path,
                ["GET /x HTTP/1.1\r\nHost: w\r\n\r\n"],
                halfClose: true
            )
            #expect(text.contains(#""path":["x"]"#), "\(text)")
        }
    }

    @Test(
        "garbage is refused and the server lives on",
        arguments: [
            "\r\n\r\nnonsense\r\n\r\n", "\u{0}\u{1}\u{2}\u{3}\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\nA: b\u{0}c\r\n\r\n",
            "GET /% HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        ]
    )
    func garbage(text: String) async throws {
        try await withServer { path, _ in
            let answer = try await exchange(path, [text], halfClose: true)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            let response = try await APIClient(socketPath: path).send(
                APIRequest(method: "GET", path: [])
            )
            #expect(response.status == 200)
        }
    }

    @Test("random octets and cut requests never stop the server")
    func noise() async throws {
        try await withServer { path, _ in
            var generator = SeededGenerator(seed: 7)
            let whole = "POST /a?b=c HTTP/1.1\r\nHost: w\r\nContent-Length: 4\r\n\r\nabcd"
            for round in 0..<60 {
                var octets = Array(whole.utf8)
                for _ in 0..<(1 + round % 8) {
                    let at = Int(generator.next() % UInt64(octets.count))
                    octets[at] = UInt8(truncatingIfNeeded: generator.next())
                }
                octets.removeLast(Int(generator.next() % UInt64(octets.count)))
                _ = try await exchange(
                    path,
                    [String(decoding: octets, as: UTF8.self)],
                    halfClose: true
                )
            }
            let response = try await APIClient(socketPath: path).send(
                APIRequest(method: "GET", path: [])
            )
            #expect(response.status == 200)
        }
    }

    @Test("what is too large is refused before it is read")
    func oversized() async throws {
        var limits = APILimits()
        limits.bodyOctetsMax = 1000
        try await withServer(limits) { path, _ in
            let announced = try await exchange(
                path,
                ["POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n"]
            )
            #expect(announced.hasPrefix("HTTP/1.1 413 "))
            #expect(announced.contains(#"{"message":"the body is larger than 1000 octets"}"#))
            let chunk = String(repeating: "x", count: 400)
            let chunked = try await exchange(
                path,
                ["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"]
                    + [String](repeating: "190\r\n\(chunk)\r\n", count: 4)
            )
            #expect(chunked.hasPrefix("HTTP/1.1 413 "))
            let fits = try await exchange(
                path,
                [
                    "POST / HTTP/1.1\r\nContent-Length: 400\r\nConnection: close\r\n\r\n" + chunk
                ]
            )
            #expect(fits.hasPrefix("HTTP/1.1 200 "))
            let head = try await exchange(
                path,
                ["GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: 17_000))\r\n\r\n"]
            )
            #expect(head.hasPrefix("HTTP/1.1 431 "), "\(head.prefix(80))")
        }
    }

    @Test("a client that waits for 100-continue is told to go on")
    func expectContinue() async throws {
        try await withServer { path, _ in
            let text = try await exchange(
                path,
                [
                    "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
                        + "Connection: close\r\n\r\n",
                    "ab",
                ],
                pauseMilliseconds: 30
            )
            #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "\(text)")
        }
    }

    @Test("an upgrade is not taken up and ends the connection")
    func upgrade() async throws {
        try await withServer { path, _ in
            let text = try await exchange(
                path,
                ["GET /x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * X"]
            )
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test(
        "who sends too slowly is cut off",
        arguments: [
            "", "GET / HT",
            "POST / HTTP/1.1\r\n"
                + "Content-Length: 10\r\n\r\nabc",
        ]
    )
    func slow(text: String) async throws {
        var limits = APILimits()
        limits.idleMilliseconds = 100
        try await withServer(limits) { path, _ in
            let answer = try await exchange(path, [text])
            #expect(answer == "")
        }
    }

    @Test("a body that drips ends at its own deadline")
    func dripping() async throws {
        var limits = APILimits()
        limits.idleMilliseconds = 500
        limits.bodyMilliseconds = 100
        try await withServer(limits) { path, _ in
            let head = "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n"
            let text = try await exchange(
                path,
                [head] + [String](repeating: "x", count: 10),
                pauseMilliseconds: 40
            )
            #expect(text == "")
        }
    }

    @Test("a handler may take longer than the idle time")
    func longPoll() async throws {
        var limits = APILimits()
        limits.idleMilliseconds = 2_000
        let reached = Atomic<Int>(0)
        let slow: APIHandler = { request in
            reached.add(1, ordering: .relaxed)
            try? await Task.sleep(for: .milliseconds(3_000))
            return echo(request)
        }
        try await withServer(limits, handler: slow) { path, _ in
            // A machine that is busy may keep the client from asking in time; only a request that
            // has reached its handler shows anything.
            for _ in 0..<20 {
                let response = try? await APIClient(socketPath: path).send(
                    APIRequest(method: "GET", path: [])
                )
                if reached.load(ordering: .relaxed) == 0 { continue }
                #expect(response?.status == 200)
                return
            }
            Issue.record("no request reached its handler")
        }
    }

    @Test("one connection too many is told so")
    func tooMany() async throws {
        var limits = APILimits()
        limits.connectionCountMax = 2
        let (held, hold) = AsyncStream.makeStream(of: Never.self)
        let waiting: APIHandler = { _ in
            for await _ in held {}
            return .text("late")
        }
        try await withServer(limits, handler: waiting) { path, _ in
            try await withThrowingTaskGroup(of: Int.self) { group in
                let client = APIClient(socketPath: path)
                for _ in 0..<3 {
                    group.addTask {
                        try await client.send(APIRequest(method: "GET", path: [])).status
                    }
                }
                var statuses = [try #require(try await group.next())]
                #expect(statuses == [503])
                hold.finish()
                for try await status in group { statuses.append(status) }
                #expect(statuses.sorted() == [200, 200, 503])
            }
        }
    }
}

@Suite("Life of the server", .timeLimit(.minutes(2)))
struct ServerLifeTests {
    @Test("a handler is cancelled when its client hangs up")
    func hangUp() async throws {
        let (cancelled, report) = AsyncStream.makeStream(of: Bool.self)
        let waiting: APIHandler = { _ in
            try? await Task.sleep(for: .seconds(60))
            report.yield(Task.isCancelled)
            return .text("")
        }
        try await withServer(handler: waiting) { path, _ in
            let client = APIClient(socketPath: path, timeoutMilliseconds: 50)
            await #expect(throws: APIClientError.timeout(milliseconds: 50)) {
                try await client.send(APIRequest(method: "GET", path: []))
            }
            var events = cancelled.makeAsyncIterator()
            #expect(await events.next() == true)
        }
    }

    @Test("stopping cancels the handlers and still sends what they answer")
    func graceful() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let waiting: APIHandler = { _ in
            start.yield()
            try? await Task.sleep(for: .seconds(60))
            return .text("cut short")
        }
        try await withServer(handler: waiting) { path, server in
            async let answer = APIClient(socketPath: path).send(
                APIRequest(method: "GET", path: [])
            )
            var events = started.makeAsyncIterator()
            await events.next()
            server.stop()
            let body = try await answer.body
            #expect(body == Array("cut short".utf8))
        }
    }

    @Test("cancelling run ends the server and removes its socket")
    func cancellation() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/w-\(UUID().uuidString).sock"
        let server = try await APIServer.bind([
            APIListener(.unix(path: path, group: nil)) { echo($0) }
        ])
        let running = Task { await server.run() }
        let response = try await APIClient(socketPath: path).send(
            APIRequest(method: "GET", path: [])
        )
        #expect(response.status == 200)
        running.cancel()
        await running.value
        #expect(!FileManager.default.fileExists(atPath: path))
        await #expect(throws: APIClientError.unreachable(path: path, .absent)) {
            try await APIClient(socketPath: path).send(APIRequest(method: "GET", path: []))
        }
    }

    @Test("a live socket is respected, a dead one replaced, a file left alone")
    func staleSocket() async throws {
        try await withServer { path, _ in
            await #expect(throws: APIServerError.alreadyServed(path: path)) {
                try await APIServer.bind([APIListener(.unix(path: path, group: nil)) { echo($0) }])
            }
            let response = try await APIClient(socketPath: path).send(
                APIRequest(method: "GET", path: [])
            )
            #expect(response.status == 200)
            try Data("x".utf8).write(to: URL(filePath: path + ".file"))
            await #expect(throws: APIServerError.notASocket(path: path + ".file")) {
                try await APIServer.bind([
                    APIListener(.unix(path: path + ".file", group: nil)) { echo($0) }
                ])
            }
        }
    }

    @Test("a socket whose owner died is replaced")
    func deadSocket() async throws {
        let base = FileManager.default.temporaryDirectory.path + "/w-\(UUID().uuidString)"
        let first = try await APIServer.bind([
            APIListener(.unix(path: base + ".a", group: nil)) { echo($0) }
        ])
        try FileManager.default.linkItem(atPath: base + ".a", toPath: base + ".b")
        first.stop()
        await first.run()
        #expect(FileManager.default.fileExists(atPath: base + ".b"))
        let second = try await APIServer.bind([
            APIListener(.unix(path: base + ".b", group: nil)) { echo($0) }
        ])
        second.stop()
        await second.run()
        #expect(!FileManager.default.fileExists(atPath: base + ".b"))
    }

    @Test("the socket has mode 0660, its group, and a missing folder is made")
    func mode() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/w-\(UUID().uuidString)"
        let path = folder + "/deep/s.sock"
        let server = try await APIServer.bind([
            APIListener(.unix(path: path, group: "no-such-group-here")) { echo($0) }
        ])
        #expect(server.notices == [.groupUnknown("no-such-group-here")])
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? Int).map { $0 & 0o777 } == 0o660)
        server.stop()
        await server.run()
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test("a group that exists gets the socket, if the daemon may give it")
    func group() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/w-\(UUID().uuidString).sock"
        let server = try await APIServer.bind([
            APIListener(.unix(path: path, group: "daemon")) { echo($0) }
        ])
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let owner = attributes[.groupOwnerAccountName] as? String
        #expect(server.notices == (owner == "daemon" ? [] : [.groupRefused("daemon")]))
        server.stop()
        await server.run()
    }

    @Test("TCP listeners share the server and tell their port")
    func tcp() async throws {
        let loopback = try #require(SocketEndpoint("127.0.0.1:0"))
        let server = try await APIServer.bind([
            APIListener(.tcp(loopback)) { _ in .text("up 1\n") }
        ])
        let running = Task { await server.run() }
        let port = try #require(server.addresses.first?.port)
        #expect(port > 0)
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        let text = try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(
                ByteBuffer(string: "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
            )
            var text = ""
            for try await part in inbound { text += String(buffer: part) }
            return text
        }
        #expect(text.hasSuffix("\r\n\r\nup 1\n"))
        await #expect(throws: APIServerError.self) {
            try await APIServer.bind([APIListener(.tcp(server.addresses[0])) { echo($0) }])
        }
        running.cancel()
        await running.value
    }
}
