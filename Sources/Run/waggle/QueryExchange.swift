package import Base
import NIOCore
import NIOPosix
import LinuxSystem

/// A reply and how it came.
package struct QueryReply: Hashable, Sendable {
    package var octets: [UInt8]
    package var server: SocketEndpoint
    package var isOverTCP: Bool
    package var milliseconds: Int64
}

/// Why there is no reply.
package enum QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    case timeout(seconds: Int64)
    /// The system's reason.
    case network(String)
    /// The connection ended before a whole reply.
    case ended

    init(_ error: any Error) {
        switch error {
        case let error as QueryError: self = error
        case let error as IOError:
            self = .network(SystemError.text(of: error.errnoCode))
        default: self = .network("\(error)")
        }
    }

    package var description: String {
        switch self {
        case .timeout(let seconds): "no reply within \(seconds) s"
        case .network(let cause): cause
        case .ended: "the connection ended without a reply"
        }
    }
}

/// One question to one server: a datagram, sent again half-way through the time, then TCP if the
/// reply is truncated.
package struct QueryExchange: Sendable {
    /// Time for each transport.
    private static let timeoutSeconds: Int64 = 5

    package let server: SocketEndpoint

    package init(server: SocketEndpoint) {
        self.server = server
    }

    /// Throws: `QueryError`.
    package func ask(
        _ message: QueryMessage,
        overTCP: Bool
    ) async throws(QueryError) -> QueryReply {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<QueryReply, QueryError>
        do throws(QueryError) {
            var reply = try await once(message, overTCP: overTCP, threads)
            let isTruncated = reply.octets[2] & 2 != 0
            if !overTCP, isTruncated { reply = try await once(message, overTCP: true, threads) }
            result = .success(reply)
        } catch {
            result = .failure(error)
        }
        try? await threads.shutdownGracefully()
        return try result.get()
    }

    private func once(
        _ message: QueryMessage,
        overTCP: Bool,
        _ threads: MultiThreadedEventLoopGroup
    ) async throws(QueryError) -> QueryReply {
        let loop = threads.next()
        let start = NIODeadline.now()
        let answer = loop.makePromise(of: [UInt8].self)
        let limit = TimeAmount.seconds(Self.timeoutSeconds)
        let timer = loop.scheduleTask(in: limit) {
            answer.fail(QueryError.timeout(seconds: Self.timeoutSeconds))
        }
        defer { timer.cancel() }
        do {
            let address = try SocketAddress(
                ipAddress: "\(server.address)",
                port: Int(server.port)
            )
            if overTCP {
                try await connect(message, to: address, threads, answer)
            } else {
                try await send(message, to: address, threads, answer)
            }
        } catch {
            // A second completion of a promise is ignored, so a time-out that came first stays.
            answer.fail(QueryError(error))
        }
        do {
            let octets = try await answer.futureResult.get()
            return QueryReply(
                octets: octets,
                server: server,
                isOverTCP: overTCP,
                milliseconds: (NIODeadline.now() - start).nanoseconds / 1_000_000
            )
        } catch {
            throw QueryError(error)
        }
    }

    private func send(
        _ message: QueryMessage,
        to address: SocketAddress,
        _ threads: MultiThreadedEventLoopGroup,
        _ answer: EventLoopPromise<[UInt8]>
    ) async throws {
        let octets = ByteBuffer(bytes: message.octets)
        let channel = try await DatagramBootstrap(group: threads)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: 65_535)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        DatagramReply(message: message, answer: answer)
                    )
                }
            }
            .connect(to: address).get()
        answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
        for delay in [0, Self.timeoutSeconds * 500] {
            channel.eventLoop.scheduleTask(in: .milliseconds(delay)) {
                guard channel.isActive else { return }
                let datagram = AddressedEnvelope(remoteAddress: address, data: octets)
                channel.writeAndFlush(datagram, promise: nil)
            }
        }
    }

    private func connect(
        _ message: QueryMessage,
        to address: SocketAddress,
        _ threads: MultiThreadedEventLoopGroup,
        _ answer: EventLoopPromise<[UInt8]>
    ) async throws {
        let channel = try await ClientBootstrap(group: threads)
            .connectTimeout(.seconds(Self.timeoutSeconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        StreamReply(message: message, answer: answer)
                    )
                }
            }
            .connect(to: address).get()
        answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
        let octets = message.octets
        var out = ByteBuffer()
        out.writeInteger(UInt16(octets.count))
        out.writeBytes(octets)
        channel.writeAndFlush(out, promise: nil)
    }
}

/// Takes the first datagram that answers the question and drops the others.
private final class DatagramReply: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let message: QueryMessage
    private let answer: EventLoopPromise<[UInt8]>

    init(message: QueryMessage, answer: EventLoopPromise<[UInt8]>) {
        self.message = message
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let octets = Array(unwrapInboundIn(data).data.readableBytesView)
        if message.isAnswered(by: octets) { answer.succeed(octets) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(QueryError(error))
    }

    func channelInactive(context: ChannelHandlerContext) { answer.fail(QueryError.ended) }
}

/// Takes the first framed message of a connection (RFC 1035 §4.2.2) that answers the question.
private final class StreamReply: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let message: QueryMessage
    private let answer: EventLoopPromise<[UInt8]>
    private var received = ByteBuffer()

    init(message: QueryMessage, answer: EventLoopPromise<[UInt8]>) {
        self.message = message
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let frame = received.readLengthPrefixedSlice(as: UInt16.self) {
            let octets = Array(frame.readableBytesView)
            if message.isAnswered(by: octets) { answer.succeed(octets) }
        }
        received.discardReadBytes()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(QueryError(error))
    }

    func channelInactive(context: ChannelHandlerContext) { answer.fail(QueryError.ended) }
}
