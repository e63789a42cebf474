import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks the daemon on its unix socket: one connection, one request, one response.
package struct APIClient: Sendable {
    private static let connectTimeout = TimeAmount.seconds(5)
    /// Octets of a response; the records of a million names stay below.
    private static let bodyOctetsMax = 1 << 30

    package let socketPath: String
    /// Time for the whole exchange.
    package let timeoutMilliseconds: Int64

    package init(socketPath: String, timeoutMilliseconds: Int64 = 60_000) {
        self.socketPath = socketPath
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    /// Sends the request and waits for the whole response.
    ///
    /// Throws: `APIClientError`: `.unreachable` when nothing answers on the socket, `.broken` when
    /// the exchange ends early, `.timeout` when it takes too long.
    package func send(_ request: APIRequest) async throws(APIClientError) -> APIResponse {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result = await exchange(request, threads)
        try? await threads.shutdownGracefully()
        return try result.get()
    }

    private func exchange(
        _ request: APIRequest,
        _ threads: MultiThreadedEventLoopGroup
    ) async -> Result<APIResponse, APIClientError> {
        let loop = threads.next()
        let answer = loop.makePromise(of: APIResponse.self)
        let bootstrap = ClientBootstrap(group: threads)
            .connectTimeout(Self.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(
                        ResponseCollector(answer, octetsMax: Self.bodyOctetsMax)
                    )
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.connect(unixDomainSocketPath: socketPath).get()
        } catch {
            answer.fail(error)
            return .failure(.unreachable(path: socketPath, ConnectFailure(error)))
        }
        let limit = timeoutMilliseconds
        let timer = loop.scheduleTask(in: .milliseconds(limit)) {
            answer.fail(APIClientError.timeout(milliseconds: limit))
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        Self.write(request, to: channel)
        do {
            return .success(try await answer.futureResult.get())
        } catch {
            return .failure(error as? APIClientError ?? .broken(cause: "\(error)"))
        }
    }

    /// Failed writes are not looked at: a server that refuses a body early closes while it is
    /// being sent, and its response counts.
    private static func write(_ request: APIRequest, to channel: any Channel) {
        var headers = HTTPHeaders([("Host", "waggle"), ("Connection", "close")])
        if !request.body.isEmpty || request.method == "POST" {
            headers.add(name: "Content-Length", value: String(request.body.count))
            headers.add(name: "Content-Type", value: "application/json")
        }
        let head = HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: request.method),
            uri: request.target,
            headers: headers
        )
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !request.body.isEmpty {
            let body = ByteBuffer(bytes: request.body)
            channel.write(HTTPClientRequestPart.body(.byteBuffer(body)), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }
}

/// Why there is no response.
package enum APIClientError: Error, Hashable, Sendable, CustomStringConvertible {
    case unreachable(path: String, ConnectFailure)
    case broken(cause: String)
    case timeout(milliseconds: Int64)
    case tooLarge(octetsMax: Int)

    package var description: String {
        switch self {
        case .unreachable(let path, let cause): "no daemon answers at \(path) (\(cause))"
        case .broken(let cause): "the daemon ended the exchange early (\(cause))"
        case .timeout(let milliseconds): "the daemon gave no answer in \(milliseconds / 1000) s"
        case .tooLarge(let octetsMax): "the answer is larger than \(octetsMax) octets"
        }
    }
}

/// Collects one response and fulfils a promise with it, or with why there is none.
private final class ResponseCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<APIResponse>
    private let octetsMax: Int
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    init(_ answer: EventLoopPromise<APIResponse>, octetsMax: Int) {
        self.answer = answer
        self.octetsMax = octetsMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let part):
            guard body.readableBytes + part.readableBytes <= octetsMax else {
                answer.fail(APIClientError.tooLarge(octetsMax: octetsMax))
                context.close(promise: nil)
                return
            }
            body.writeImmutableBuffer(part)
        case .end:
            guard let head else { return }
            answer.succeed(
                APIResponse(
                    status: Int(head.status.code),
                    contentType: head.headers.first(name: "Content-Type") ?? "",
                    headers: head.headers.map { APIResponse.Header($0.name, $0.value) },
                    body: Array(body.readableBytesView)
                )
            )
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(APIClientError.broken(cause: "\(error)"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(APIClientError.broken(cause: "the connection was closed"))
    }
}
