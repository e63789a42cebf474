import NIOCore

/// The server's open connections, counted and told to end; touched on the event loop only.
final class HTTPConnections: Sendable {
    let loop: any EventLoop
    private let limits: APILimits
    private let open: NIOLoopBoundBox<[ObjectIdentifier: any Channel]>

    init(loop: any EventLoop, limits: APILimits) {
        self.loop = loop
        self.limits = limits
        open = NIOLoopBoundBox.makeBoxSendingValue([:], eventLoop: loop)
    }

    /// Remembers the channel until it closes; false when there are too many.
    func admit(_ channel: any Channel) -> Bool {
        guard open.value.count < limits.connectionCountMax else { return false }
        let key = ObjectIdentifier(channel)
        open.value[key] = channel
        channel.closeFuture.whenComplete { _ in self.open.value[key] = nil }
        return true
    }

    /// Ends idle connections at once, busy ones after their response or when the time is up.
    func drain(milliseconds: Int64) async {
        let closings = loop.submit {
            let channels = Array(self.open.value.values)
            for channel in channels {
                channel.pipeline.fireUserInboundEventTriggered(HTTPConnection.Stop())
            }
            return channels.map { $0.closeFuture }
        }
        guard let closings = try? await closings.get(), !closings.isEmpty else { return }
        let force = loop.scheduleTask(in: .milliseconds(milliseconds)) {
            for channel in self.open.value.values { channel.close(promise: nil) }
        }
        try? await EventLoopFuture.andAllComplete(closings, on: loop).get()
        force.cancel()
    }
}

/// Tells a connection too many so, once it has asked for something: a response that comes before
/// its request is an error to clients.
final class HTTPOverflow: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a connection too many may take to ask.
    private static let patience = TimeAmount.seconds(1)

    private var isAnswered = false
    private var timer: Scheduled<Void>?

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isAnswered { return }
        isAnswered = true
        let body = APIResponse.failure(503, "too many connections; try again later").body
        var out = ByteBuffer(
            string: "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
        )
        out.writeBytes(body)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(out)).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { timer?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
