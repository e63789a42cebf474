import Base
import LinuxSystem
import Names

/// The sockets of one sandbox, all workers' together, before they are handed out.
struct OpenedSockets: Sendable {
    let sockets: [SandboxSocket]
    let endpoint: SocketEndpoint
    let isRedirected: Bool
}

/// Opens a sandbox's sockets, in whatever namespace the calling thread is in.
struct SandboxSockets: Sendable {
    let slot: Int
    let threads: Int
    /// Whether an earlier process's sockets are at the same port for a moment longer.
    private var isReplacing = false
    /// Whether those were behind a redirect.
    private var isReplacingRedirect = false

    init(slot: Int, threads: Int) {
        self.slot = slot
        self.threads = threads
    }

    /// 127.0.0.11:53 (networkdb-dns.md C1).
    private static let resolver = SocketEndpoint(
        address: .v4(IPv4Address(127, 0, 0, 11)),
        port: 53
    )

    /// One UDP and one TCP socket per worker at a plain address.
    ///
    /// Port 0 asks the kernel for one that is free for both.
    func open(at endpoint: SocketEndpoint) throws(SystemError) -> OpenedSockets {
        var attemptsLeft = endpoint.port == 0 ? Self.freePortAttemptsMax : 1
        while true {
            attemptsLeft -= 1
            do throws(SystemError) {
                return try openOnce(at: endpoint)
            } catch  where error.isAddressInUse && attemptsLeft > 0 {
                // The port that was free for UDP is not for TCP; the next one may be.
            }
        }
    }

    private static let freePortAttemptsMax = 16

    private func openOnce(at endpoint: SocketEndpoint) throws(SystemError) -> OpenedSockets {
        var sockets: [SandboxSocket] = []
        var bound = endpoint
        let isShared = threads > 1 || isReplacing
        for _ in 0..<threads {
            let socket = try Sockets.datagram(boundTo: bound, shared: isShared)
            // The other workers share the port that the first one got.
            bound = try Sockets.localEndpoint(of: socket.raw)
            sockets.append(
                SandboxSocket(slot: slot, kind: .datagram, endpoint: bound, descriptor: socket)
            )
        }
        for _ in 0..<threads {
            let socket = try Sockets.listener(boundTo: bound, shared: isShared)
            sockets.append(
                SandboxSocket(slot: slot, kind: .listener, endpoint: bound, descriptor: socket)
            )
        }
        return OpenedSockets(sockets: sockets, endpoint: bound, isRedirected: false)
    }

    /// The resolver of a container: port 53 itself, or a redirect where something holds it.
    func openResolver(redirect: Bool) throws(SystemError) -> OpenedSockets {
        try NetworkNamespace.raiseLoopback()
        if !redirect {
            do throws(SystemError) {
                let opened = try open(at: Self.resolver)
                // The rules would lead past them.
                if isReplacingRedirect { Self.removeRules() }
                return opened
            } catch  where error.isAddressInUse {
                // Somebody in the container listens there; a redirect goes round it.
            }
        }
        let high = SocketEndpoint(address: Self.resolver.address, port: 0)
        let opened = try open(at: high)
        let rules = Self.rules(port: opened.endpoint.port)
        do throws(Program.Failure) {
            try Program.run("nft", ["-f", "-"], input: rules)
        } catch {
            throw SystemError("nft in the sandbox's namespace: \(error.message)", code: 1)
        }
        return OpenedSockets(sockets: opened.sockets, endpoint: Self.resolver, isRedirected: true)
    }

    /// Takes up sockets that an earlier process opened for this sandbox; nil unless they are what
    /// this one would open.
    ///
    /// `endpoint`: a plain address; nil for the resolver of a container.
    func adopt(
        _ inherited: [InheritedSocket],
        at endpoint: SocketEndpoint?,
        redirect: Bool
    ) -> OpenedSockets? {
        var datagrams: [InheritedSocket] = []
        var listeners: [InheritedSocket] = []
        var bound: SocketEndpoint?
        for socket in inherited {
            guard
                let local = try? Sockets.localEndpoint(of: socket.raw), local == bound ?? local
            else { return nil }
            bound = local
            switch Sockets.kind(of: socket.raw) {
            case .datagram: datagrams.append(socket)
            case .listener: listeners.append(socket)
            case nil: return nil
            }
        }
        guard let bound, datagrams.count == threads, listeners.count == threads else { return nil }
        let isRedirected: Bool
        if let endpoint {
            guard bound.address == endpoint.address, [0, bound.port].contains(endpoint.port) else {
                return nil
            }
            isRedirected = false
        } else {
            isRedirected = bound.port != Self.resolver.port
            guard bound.address == Self.resolver.address, isRedirected || !redirect else {
                return nil
            }
        }
        var sockets: [SandboxSocket] = []
        for (kind, list) in [(SandboxSocket.Kind.datagram, datagrams), (.listener, listeners)] {
            for socket in list {
                guard let descriptor = socket.take() else { return nil }
                sockets.append(
                    SandboxSocket(slot: slot, kind: kind, endpoint: bound, descriptor: descriptor)
                )
            }
        }
        return OpenedSockets(
            sockets: sockets,
            endpoint: isRedirected ? Self.resolver : bound,
            isRedirected: isRedirected
        )
    }

    /// Closes what cannot be adopted.
    ///
    /// The service manager has copies, which it closes when it comes to it: until then they share
    /// the port with the sockets that are opened now, which could not be bound otherwise.
    mutating func replace(_ inherited: [InheritedSocket]) {
        for socket in inherited {
            let port = (try? Sockets.localEndpoint(of: socket.raw))?.port
            if let port, port != Self.resolver.port { isReplacingRedirect = true }
            try? Sockets.share(socket.raw)
            socket.close()
            isReplacing = true
        }
    }

    /// Takes the rules out of a namespace; one that is gone took them along.
    static func removeRedirect(at place: Sandbox.Place) {
        try? NetworkNamespace.inside(path: place.namespacePath) { () throws(SystemError) in
            Self.removeRules()
        }
    }

    private static func removeRules() {
        try? Program.run("nft", ["-f", "-"], input: "delete table ip waggle-dns\n")
    }

    /// Both directions by rule, as Docker's are, so that a flow whose conntrack entry is flushed
    /// keeps its port (networkdb-dns.md H8).
    private static func rules(port: UInt16) -> String {
        """
        table ip waggle-dns
        delete table ip waggle-dns
        table ip waggle-dns {
          chain output {
            type nat hook output priority -100;
            ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:\(port)
            ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:\(port)
          }
          chain postrouting {
            type nat hook postrouting priority 100;
            ip saddr 127.0.0.11 udp sport \(port) snat to :53
            ip saddr 127.0.0.11 tcp sport \(port) snat to :53
          }
        }

        """
    }
}
