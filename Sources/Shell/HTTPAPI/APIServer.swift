package import Base
import NIOCore
import NIOHTTP1
import NIOPosix

/// What a client may cost the server.
package struct APILimits: Sendable, Hashable {
    /// A file of endpoints: 64 MiB.
    package static let bodyOctetsMaxDefault = 64 << 20

    /// Octets of a request's target and headers together.
    package var headOctetsMax = 16 << 10
    /// Octets of a request's body.
    package var bodyOctetsMax = APILimits.bodyOctetsMaxDefault
    /// Open connections; the next ones are told 503 and closed.
    package var connectionCountMax = 256
    /// Time for a whole request head, for each step of a body, and for each step of a response to
    /// be taken.
    ///
    /// A handler may think for as long as it likes.
    package var idleMilliseconds: Int64 = 30_000
    /// Time for a whole body, so that a slow one cannot hold its connection.
    package var bodyMilliseconds: Int64 = 120_000
    /// Time for the last responses to leave when the server stops.
    package var drainMilliseconds: Int64 = 2_000

    package init() {}
}

/// Answers one request.
///
/// It is cancelled when the client hangs up or the server stops, and what it returns then is still
/// sent if anybody is there.
package typealias APIHandler = @Sendable (APIRequest) async -> APIResponse

/// One place where the server listens.
package struct APIListener: Sendable {
    package enum Address: Sendable, Hashable {
        /// A socket file of mode 0660; its group is `group` where that exists and may be set.
        case unix(path: String, group: String?)
        case tcp(SocketEndpoint)
    }

    package var address: Address
    package var handler: APIHandler

    package init(_ address: Address, handler: @escaping APIHandler) {
        self.address = address
        self.handler = handler
    }
}

/// The HTTP server of the daemon: bounded, HTTP/1.0 and 1.1 with keep-alive and pipelining, on one
/// event-loop thread.
///
/// It knows no route. Connections turn octets into whole requests and post them to `run()`, the
/// only place that calls handlers, so that every handler is a child of the task that runs the
/// server. A connection has at most one request under way: the inbox holds at most
/// `connectionCountMax` requests and never drops one.
///
/// Life: `bind` → `run` (returns after `stop` or cancellation). A server that was bound has to be
/// run, if only to be stopped: that is where its thread ends.
package final class APIServer: Sendable {
    /// Something the operator should know though the server works.
    package enum Notice: Sendable, Hashable {
        /// The socket's group is the daemon's own.
        case groupUnknown(String)
        /// The daemon may not give the file to that group.
        case groupRefused(String)
    }

    package let notices: [Notice]
    /// What each TCP listener is bound to, in order; tells the port where 0 was asked for.
    package let addresses: [SocketEndpoint]

    private let limits: APILimits
    private let threads: MultiThreadedEventLoopGroup
    private let listeners: [any Channel]
    private let connections: HTTPConnections
    private let exchanges: AsyncStream<HTTPExchange>
    private let inbox: AsyncStream<HTTPExchange>.Continuation

    private init(_ parts: Parts, limits: APILimits) {
        notices = parts.notices
        addresses = parts.addresses
        self.limits = limits
        threads = parts.threads
        listeners = parts.listeners
        connections = parts.connections
        exchanges = parts.exchanges
        inbox = parts.inbox
    }

    /// Opens every listener, or none.
    ///
    /// Throws: `APIServerError` when a socket cannot be had.
    package static func bind(
        _ listeners: [APIListener],
        limits: APILimits = APILimits()
    ) async throws(APIServerError) -> APIServer {
        var parts = Parts(limits: limits)
        for listener in listeners {
            do {
                try await parts.open(listener, limits: limits)
            } catch {
                await parts.close()
                throw error
            }
        }
        return APIServer(parts, limits: limits)
    }

    /// Serves until `stop()` or until the task is cancelled; then cancels the handlers, waits for
    /// them, lets their responses leave and removes the socket files.
    ///
    /// To be called once.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await exchange in exchanges {
                group.addTask { await exchange.answer() }
            }
            group.cancelAll()
        }
        await close()
    }

    /// Makes `run()` return.
    ///
    /// May be called from anywhere, at any time, more than once.
    package func stop() {
        inbox.finish()
    }

    private func close() async {
        inbox.finish()
        for listener in listeners { try? await listener.close() }
        await connections.drain(milliseconds: limits.drainMilliseconds)
        try? await threads.shutdownGracefully()
    }
}

/// What binding collects before there is a server.
private struct Parts {
    var notices: [APIServer.Notice] = []
    var addresses: [SocketEndpoint] = []
    var listeners: [any Channel] = []
    let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let connections: HTTPConnections
    let exchanges: AsyncStream<HTTPExchange>
    let inbox: AsyncStream<HTTPExchange>.Continuation

    init(limits: APILimits) {
        connections = HTTPConnections(loop: threads.next(), limits: limits)
        (exchanges, inbox) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(limits.connectionCountMax)
        )
    }

    mutating func open(
        _ listener: APIListener,
        limits: APILimits
    ) async throws(APIServerError) {
        switch listener.address {
        case .unix(let path, let group):
            try await SocketFile.makeRoom(at: path, threads: threads)
            let bootstrap = bootstrap(listener.handler, limits)
            do {
                listeners.append(try await bootstrap.bind(unixDomainSocketPath: path).get())
            } catch {
                throw .cannotBind(path, cause: "\(error)")
            }
            try SocketFile.restrict(path)
            if let group, let notice = SocketFile.give(path, to: group) { notices.append(notice) }
        case .tcp(let endpoint):
            let bootstrap = bootstrap(listener.handler, limits)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            do {
                let address = try SocketAddress(
                    ipAddress: "\(endpoint.address)",
                    port: Int(endpoint.port)
                )
                let channel = try await bootstrap.bind(to: address).get()
                listeners.append(channel)
                let port = channel.localAddress?.port.flatMap { UInt16(exactly: $0) }
                addresses.append(
                    SocketEndpoint(address: endpoint.address, port: port ?? endpoint.port)
                )
            } catch {
                throw .cannotBind("\(endpoint)", cause: "\(error)")
            }
        }
    }

    func close() async {
        for listener in listeners { try? await listener.close() }
        try? await threads.shutdownGracefully()
    }

    private func bootstrap(_ handler: @escaping APIHandler, _ limits: APILimits) -> ServerBootstrap
    {
        let connections = connections
        let inbox = inbox
        return ServerBootstrap(group: threads)
            .serverChannelOption(.backlog, value: 128)
            // A client that shuts its sending half still wants its response.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var decoder = NIOHTTPDecoderLimitConfiguration()
                    decoder.maxHeaderFieldSize = limits.headOctetsMax
                    decoder.maxHeaderListSize = limits.headOctetsMax
                    decoder.maxHeaderFieldCount = 100
                    let pipeline = channel.pipeline.syncOperations
                    guard connections.admit(channel) else {
                        try pipeline.addHandler(HTTPOverflow())
                        return
                    }
                    try pipeline.configureHTTPServerPipeline(
                        withErrorHandling: false,
                        withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: decoder
                    )
                    try pipeline.addHandler(
                        HTTPConnection(limits: limits, handler: handler, inbox: inbox)
                    )
                }
            }
    }
}

/// Why the server cannot listen.
package enum APIServerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A live process answers on the socket.
    case alreadyServed(path: String)
    /// Something that is no socket has the path.
    case notASocket(path: String)
    /// The address and the system's reason.
    case cannotBind(String, cause: String)
    /// The mode of the socket file cannot be set.
    case cannotRestrict(path: String, cause: String)

    package var description: String {
        switch self {
        case .alreadyServed(let path):
            "\(path): another daemon answers here; stop it or choose another socket"
        case .notASocket(let path):
            "\(path): the file is no socket; remove it or choose another path"
        case .cannotBind(let place, let cause): "\(place): cannot listen here: \(cause)"
        case .cannotRestrict(let path, let cause): "\(path): cannot set mode 0660: \(cause)"
        }
    }
}
