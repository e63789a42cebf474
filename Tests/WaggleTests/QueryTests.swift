import Base
import NIOCore
import NIOPosix
import Testing
import waggle

@Suite("Query")
struct QueryTests {
    @Test("words become a server, a name and a type")
    func words() throws {
        let plain = try QueryTarget(["Web.MyNet"])
        #expect(plain.server == nil)
        #expect(plain.name.description == "web.mynet")
        #expect(plain.type == .a)
        let full = try QueryTarget(["@[::1]:5300", "web", "srv"])
        #expect(full.server?.description == "[::1]:5300")
        #expect(full.type == .srv)
        #expect(try QueryTarget(["web", "@10.0.0.1"]).server?.port == 53)
        #expect(try QueryTarget(["."]).name.isRoot)
    }

    @Test(
        "words that are no question are refused",
        arguments: [
            ([], "NAME is missing"), (["@1.1.1.1"], "NAME is missing"),
            (["@1.1.1.1", "@1.1.1.2", "a"], "two servers are named, one is asked"),
            (["@one", "a"], "@one is no server: @ADDR, @ADDR:PORT or @[ADDR6]:PORT"),
            (["a..b"], "a..b is no name: a label has 0 octets, allowed are 1 to 63"),
            (["a", "B"], "B is no record type such as A, AAAA, SRV or TYPE65"),
            (["a", "A", "IN"], "IN is one word too many"),
        ]
    )
    func refused(words: [String], message: String) {
        #expect { try QueryTarget(words) } throws: { "\($0)" == message }
    }

    @Test("the first usable nameserver of resolv.conf is taken")
    func resolvConf() {
        let text = "# nameserver 1.1.1.1\nsearch x\nnameserver host\nnameserver\t10.0.0.2\n"
        #expect(QueryTarget.firstServer(inResolvConf: text)?.description == "10.0.0.2:53")
        #expect(QueryTarget.firstServer(inResolvConf: "") == nil)
    }

    @Test("the message is a question with EDNS, and only its reply is taken for one")
    func message() throws {
        let message = QueryMessage(
            id: 0x1234,
            name: try DomainName("web"),
            type: .aaaa,
            dnssec: true
        )
        let question: [UInt8] = [3, 0x77, 0x65, 0x62, 0, 0, 28, 0, 1]
        #expect(
            message.octets == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + question
                + [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]
        )
        let head: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]
        #expect(message.isAnswered(by: head + question))
        #expect(message.isAnswered(by: head + [3, 0x57, 0x45, 0x42, 0, 0, 28, 0, 1]))
        #expect(!message.isAnswered(by: head + [3, 0x77, 0x65, 0x63, 0, 0, 28, 0, 1]))
        #expect(!message.isAnswered(by: [0x12, 0x35] + head.dropFirst(2) + question))
        #expect(!message.isAnswered(by: message.octets))
        #expect(!message.isAnswered(by: Array(head.dropLast())))
    }

    @Test("a truncated reply is asked for again over TCP", .timeLimit(.minutes(1)))
    func truncation() async throws {
        let message = QueryMessage(id: 7, name: try DomainName("web"), type: .a, dnssec: false)
        let question = Array(message.octets[12..<message.octets.count - 11])
        let group = MultiThreadedEventLoopGroup.singleton
        let long = [0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0] + question
        let stream = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StreamStub(reply: long))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(stream.localAddress?.port)
        let short = [0, 7, 0x83, 0x80] + long.dropFirst(4)
        let datagram = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramStub(reply: short))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let server = try #require(SocketEndpoint("127.0.0.1:\(port)"))
        let reply = try await QueryExchange(server: server).ask(message, overTCP: false)
        #expect(reply.isOverTCP)
        #expect(reply.octets == long)
        try await stream.close()
        try await datagram.close()
        await #expect(throws: QueryError.network("Connection refused")) {
            try await QueryExchange(server: server).ask(message, overTCP: false)
        }
    }
}

/// Sends its reply in two pieces after a foreign one.
private final class StreamStub: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let reply: [UInt8]

    init(reply: [UInt8]) { self.reply = reply }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let foreign: [UInt8] = [0, 2, 9, 9]
        let frame = foreign + [0, UInt8(reply.count)] + reply
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: frame.prefix(9))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: frame.dropFirst(9))), promise: nil)
    }
}

/// Sends a reply to another question first.
private final class DatagramStub: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>
    private let reply: [UInt8]

    init(reply: [UInt8]) { self.reply = reply }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let sender = unwrapInboundIn(data).remoteAddress
        for octets in [[9] + reply.dropFirst(), reply] {
            let out = AddressedEnvelope(
                remoteAddress: sender,
                data: ByteBuffer(bytes: octets)
            )
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        }
    }
}
