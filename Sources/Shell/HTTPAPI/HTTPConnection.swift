import NIOCore
import NIOHTTP1

/// One connection: collects whole requests within their limits, posts them, writes the responses.
///
///     idle ──head──▶ receiving ──end──▶ answering ──written──▶ idle
///       │                │                                  └─▶ closing
///       └── garbage, too slow, too large, stop ────────────────▶ closing
///
/// NIO's pipeline handler in front of this one holds back a pipelined request until the response
/// to the one before it is out. In `closing` everything that still arrives is dropped.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The server stops: no further request.
    struct Stop: Sendable {}

    /// Octets of a response handed to the socket at once; each step renews the idle time-out.
    private static let writeOctets = 256 << 10

    private enum Phase {
        case idle
        case receiving(HTTPRequestHead, body: ByteBuffer, since: NIODeadline)
        case answering(HTTPRequestHead, gone: AsyncStream<Never>.Continuation)
        case closing
    }

    private let limits: APILimits
    private let handler: APIHandler
    private let inbox: AsyncStream<HTTPExchange>.Continuation
    private var phase = Phase.idle
    private var closeAfterResponse = false
    private var timer: Scheduled<Void>?

    init(
        limits: APILimits,
        handler: @escaping APIHandler,
        inbox: AsyncStream<HTTPExchange>.Continuation
    ) {
        self.limits = limits
        self.handler = handler
        self.inbox = inbox
    }

    func channelActive(context: ChannelHandlerContext) {
        startTimer(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .answering(_, let gone) = phase { gone.finish() }
        phase = .closing
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .idle): begin(head, context)
        case (.body(let part), .receiving(let head, var body, let since)):
            // The buffer is moved out first, so that appending does not copy what is there.
            phase = .closing
            guard body.readableBytes + part.readableBytes <= limits.bodyOctetsMax else {
                refuse(context, tooLarge)
                return
            }
            body.writeImmutableBuffer(part)
            phase = .receiving(head, body: body, since: since)
            startTimer(context)
        case (.end, .receiving(let head, let body, _)): post(head, body, context)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (phase, error) {
        case (.idle, HTTPParserError.headerOverflow), (.receiving, HTTPParserError.headerOverflow):
            refuse(
                context,
                .failure(431, "the head is larger than \(limits.headOctetsMax) octets")
            )
        case (.idle, is HTTPParserError), (.receiving, is HTTPParserError):
            refuse(context, .failure(400, "this is no HTTP request"))
        default: context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is Stop, ChannelEvent.inputClosed:
            switch phase {
            case .idle, .receiving: context.close(promise: nil)
            case .answering: closeAfterResponse = true
            case .closing: break
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        // After CONNECT and Upgrade NIO's parser takes the rest for another protocol.
        closeAfterResponse =
            !head.isKeepAlive || head.method == .CONNECT || head.headers.contains(name: "Upgrade")
        phase = .receiving(head, body: ByteBuffer(), since: .now())
        if let text = head.headers.first(name: "Content-Length"), let octets = Int(text),
            octets > limits.bodyOctetsMax
        {
            refuse(context, tooLarge)
            return
        }
        if head.headers[canonicalForm: "Expect"].contains(where: { $0 == "100-continue" }) {
            let go = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
        }
        startTimer(context)
    }

    private var tooLarge: APIResponse {
        .failure(413, "the body is larger than \(limits.bodyOctetsMax) octets")
    }

    /// Hands a whole request to the server's inbox.
    private func post(
        _ head: HTTPRequestHead,
        _ body: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        let method = head.method == .HEAD ? "GET" : head.method.rawValue
        timer?.cancel()
        let (gone, hangUp) = AsyncStream.makeStream(of: Never.self)
        phase = .answering(head, gone: hangUp)
        guard
            let request = APIRequest(
                method: method,
                target: head.uri,
                body: Array(body.readableBytesView)
            )
        else {
            send(.failure(400, "the path or query has a broken escape"), context)
            return
        }
        let me = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let exchange = HTTPExchange(request: request, handler: handler, gone: gone) { response in
            me.eventLoop.execute {
                let (connection, context) = me.value
                connection.send(response, context)
            }
        }
        if case .enqueued = inbox.yield(exchange) { return }
        closeAfterResponse = true
        send(.failure(503, "the server is stopping"), context)
    }

    /// Writes the response to the request in hand, if the connection still has it.
    private func send(_ response: APIResponse, _ context: ChannelHandlerContext) {
        guard case .answering(let head, let gone) = phase else { return }
        gone.finish()
        let out = responseHead(response, to: head)
        context.write(wrapOutboundOut(.head(out)), promise: nil)
        let isBare = head.method == .HEAD || response.status == 204
        write(isBare ? ByteBuffer() : ByteBuffer(bytes: response.body), context)
    }

    private func responseHead(
        _ response: APIResponse,
        to head: HTTPRequestHead?
    ) -> HTTPResponseHead {
        var headers = HTTPHeaders()
        if !response.contentType.isEmpty {
            headers.add(name: "Content-Type", value: response.contentType)
        }
        if response.status != 204 {
            headers.add(name: "Content-Length", value: String(response.body.count))
        }
        for header in response.headers { headers.add(name: header.name, value: header.value) }
        if closeAfterResponse {
            headers.add(name: "Connection", value: "close")
        } else if let head, head.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        return HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: response.status),
            headers: headers
        )
    }

    /// Writes the rest of a body step by step, each one within the idle time-out, then its end.
    private func write(_ rest: ByteBuffer, _ context: ChannelHandlerContext) {
        var rest = rest
        startTimer(context)
        guard let step = rest.readSlice(length: min(rest.readableBytes, Self.writeOctets)),
            step.readableBytes > 0
        else {
            finish(context)
            return
        }
        let me = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let later = rest
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(step)))).whenSuccess {
            // By way of the loop: a quick reader would deepen the stack with every step.
            me.eventLoop.execute {
                let (connection, context) = me.value
                connection.write(later, context)
            }
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        let closes = closeAfterResponse
        // Before the end is written: that is what lets the next pipelined request in.
        phase = closes ? .closing : .idle
        startTimer(context)
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if closes { closeAfter(written, context) }
    }

    /// A response to what is no request or too much of one, and the end of the connection.
    private func refuse(_ context: ChannelHandlerContext, _ response: APIResponse) {
        phase = .closing
        closeAfterResponse = true
        startTimer(context)
        context.write(wrapOutboundOut(.head(responseHead(response, to: nil))), promise: nil)
        let body = ByteBuffer(bytes: response.body)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        closeAfter(context.writeAndFlush(wrapOutboundOut(.end(nil))), context)
    }

    private func closeAfter(_ written: EventLoopFuture<Void>, _ context: ChannelHandlerContext) {
        let channel = context.channel
        written.whenComplete { _ in channel.close(promise: nil) }
    }

    /// (Re)starts the idle time-out; a body has a deadline of its own as well.
    private func startTimer(_ context: ChannelHandlerContext) {
        timer?.cancel()
        var deadline = NIODeadline.now() + .milliseconds(limits.idleMilliseconds)
        if case .receiving(_, _, let since) = phase {
            deadline = min(deadline, since + .milliseconds(limits.bodyMilliseconds))
        }
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(deadline: deadline) { channel.close(promise: nil) }
    }
}
