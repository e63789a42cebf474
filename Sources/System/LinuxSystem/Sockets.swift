package import Base
import CLinux
import Glibc

/// Opens the sockets of a name server and speaks plain reads and writes on them.
package enum Sockets {
    /// A UDP socket bound to `endpoint`, never blocking.
    ///
    /// `shared`: let several sockets of this process share the port (SO_REUSEPORT).
    package static func datagram(
        boundTo endpoint: SocketEndpoint,
        shared: Bool
    ) throws(SystemError) -> Descriptor {
        let socket = try open(endpoint, SOCK_DGRAM)
        if shared { try set(socket.raw, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT") }
        // A burst waits in the kernel rather than being lost; failing to get all is no error.
        try? set(socket.raw, SOL_SOCKET, SO_RCVBUF, receiveBufferOctets, "SO_RCVBUF")
        switch endpoint.address {
        case .v4:
            // No fragments, and no path MTU that a stranger's ICMP could lower (RFC 9715).
            try set(
                socket.raw,
                Int32(IPPROTO_IP),
                IP_MTU_DISCOVER,
                IP_PMTUDISC_OMIT,
                "IP_MTU_DISCOVER"
            )
            if endpoint.address.isUnspecified {
                try set(socket.raw, Int32(IPPROTO_IP), IP_PKTINFO, 1, "IP_PKTINFO")
            }
        case .v6:
            try set(socket.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1, "IPV6_V6ONLY")
            try set(
                socket.raw,
                Int32(IPPROTO_IPV6),
                IPV6_MTU_DISCOVER,
                IPV6_PMTUDISC_OMIT,
                "IPV6_MTU_DISCOVER"
            )
            if endpoint.address.isUnspecified {
                try set(socket.raw, Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO")
            }
        }
        try bind(socket.raw, endpoint)
        return socket
    }

    /// A listening TCP socket, never blocking.
    package static func listener(
        boundTo endpoint: SocketEndpoint,
        shared: Bool
    ) throws(SystemError) -> Descriptor {
        let socket = try open(endpoint, SOCK_STREAM)
        try set(socket.raw, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR")
        if shared { try set(socket.raw, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT") }
        if case .v6 = endpoint.address {
            try set(socket.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1, "IPV6_V6ONLY")
        }
        try bind(socket.raw, endpoint)
        if Glibc.listen(socket.raw, waitingConnectionsMax) != 0 {
            throw .last("listen \(endpoint)")
        }
        return socket
    }

    /// Lets others share the port of a socket that is bound already.
    package static func share(_ socket: Int32) throws(SystemError) {
        try set(socket, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT")
    }

    /// A UDP socket connected to `endpoint` from a fresh port: the kernel then drops what comes
    /// from anywhere else and reports ICMP errors.
    ///
    /// `port`: where it is sent from; 0 lets the kernel choose. Throws EADDRINUSE for one in use.
    package static func datagram(
        connectedTo endpoint: SocketEndpoint,
        fromPort port: UInt16 = 0
    ) throws(SystemError) -> Descriptor {
        let socket = try open(endpoint, SOCK_DGRAM)
        if port != 0 {
            let any: IPAddress =
                switch endpoint.address {
                case .v4: .v4(IPv4Address(0))
                case .v6: .v6(IPv6Address(high: 0, low: 0))
                }
            try bind(socket.raw, SocketEndpoint(address: any, port: port))
        }
        let code = unsafe withAddress(of: endpoint) { address, length in
            unsafe connect(socket.raw, address, length)
        }
        if code != 0 { throw .last("connect \(endpoint)") }
        return socket
    }

    /// A TCP socket that is being connected to `endpoint`; it becomes writable when it is.
    package static func stream(
        connectedTo endpoint: SocketEndpoint
    ) throws(SystemError) -> Descriptor {
        let socket = try open(endpoint, SOCK_STREAM)
        let code = unsafe withAddress(of: endpoint) { address, length in
            unsafe connect(socket.raw, address, length)
        }
        if code != 0, errno != EINPROGRESS { throw .last("connect \(endpoint)") }
        return socket
    }

    package enum Kind: Hashable, Sendable {
        case datagram
        /// A TCP socket that listens.
        case listener
    }

    /// What a socket that came from elsewhere is; nil when it is neither, or no socket.
    package static func kind(of socket: Int32) -> Kind? {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            let code = unsafe getsockopt(socket, SOL_SOCKET, name, &value, &length)
            return code == 0 ? value : nil
        }
        switch (option(SO_TYPE), option(SO_ACCEPTCONN)) {
        case (Int32(SOCK_DGRAM.rawValue), _): return .datagram
        case (Int32(SOCK_STREAM.rawValue), 1): return .listener
        default: return nil
        }
    }

    /// The address and port a socket is bound to.
    package static func localEndpoint(of socket: Int32) throws(SystemError) -> SocketEndpoint {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(socket, address, &length)
            }
        }
        if code != 0 { throw .last("getsockname") }
        guard let endpoint = self.endpoint(of: storage) else {
            throw SystemError("getsockname", code: EAFNOSUPPORT)
        }
        return endpoint
    }

    /// The next connection and who it is from; nil when none waits.
    package static func accept(_ listener: Int32) throws(SystemError) -> Accepted? {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let raw = unsafe waggle_accept(listener, &storage, &length)
            if raw >= 0 {
                let descriptor = Descriptor(owning: raw)
                guard let peer = endpoint(of: storage) else { continue }
                return Accepted(descriptor: descriptor, peer: peer)
            }
            switch -raw {
            case EAGAIN: return nil
            // The client went away before it was taken; the next one may be there.
            case EINTR, ECONNABORTED, EPROTO: continue
            default: throw SystemError("accept4", code: -raw)
            }
        }
    }

    package struct Accepted: ~Copyable {
        private let descriptor: Descriptor
        package let peer: SocketEndpoint

        fileprivate init(descriptor: consuming Descriptor, peer: SocketEndpoint) {
            self.descriptor = descriptor
            self.peer = peer
        }

        /// The descriptor's number.
        package var number: Int32 { descriptor.raw }

        package consuming func takeDescriptor() -> Descriptor { descriptor }
    }

    /// Reads up to `octetsMax` into `buffer`; nil when nothing waits, 0 at the end of a stream.
    package static func receive(
        _ socket: Int32,
        into buffer: inout [UInt8],
        octetsMax: Int
    ) throws(SystemError) -> Int? {
        var count = 0
        repeat {
            count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe recv(socket, bytes.baseAddress, min(bytes.count, octetsMax), 0)
            }
        } while count < 0 && errno == EINTR
        if count >= 0 { return count }
        if errno == EAGAIN { return nil }
        throw .last("recv")
    }

    /// Writes what the socket takes of `octets[from...]`; 0 when it takes nothing now.
    package static func send(
        _ socket: Int32,
        _ octets: [UInt8],
        from: Int = 0
    ) throws(SystemError) -> Int {
        var count = 0
        repeat {
            count = unsafe octets.withUnsafeBytes { bytes in
                let part = unsafe bytes[from...]
                return unsafe Glibc.send(
                    socket,
                    UnsafeRawBufferPointer(rebasing: part).baseAddress,
                    part.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
        } while count < 0 && errno == EINTR
        if count >= 0 { return count }
        if errno == EAGAIN { return 0 }
        throw .last("send")
    }

    /// What became of a connection that was being made; nil when nothing is wrong with it.
    package static func pendingError(of socket: Int32) -> SystemError? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        if unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) != 0 {
            return .last("getsockopt SO_ERROR")
        }
        return code == 0 ? nil : SystemError("connect", code: code)
    }

    /// Says that nothing more is sent; the other side can still send.
    package static func finishSending(_ socket: Int32) {
        _ = shutdown(socket, Int32(SHUT_WR))
    }

    /// Sends one datagram to a client, from the address that `control` says it was asked at.
    package static func send(
        _ socket: Int32,
        _ octets: [UInt8],
        to client: SocketEndpoint,
        control: [UInt8]
    ) throws(SystemError) {
        let code = unsafe octets.withUnsafeBytes { bytes in
            unsafe control.withUnsafeBytes { control in
                unsafe withAddress(of: client) { address, length -> Int32 in
                    guard let start = bytes.baseAddress else { return 0 }
                    return unsafe waggle_send(
                        socket,
                        start,
                        bytes.count,
                        address,
                        length,
                        control.baseAddress,
                        UInt32(control.count)
                    )
                }
            }
        }
        if code != 0 { throw SystemError("sendmsg \(client)", code: -code) }
    }

    private static func open(
        _ endpoint: SocketEndpoint,
        _ kind: __socket_type
    ) throws(SystemError) -> Descriptor {
        let family = if case .v4 = endpoint.address { AF_INET } else { AF_INET6 }
        let flags = kind.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let raw = Glibc.socket(family, Int32(flags), 0)
        if raw < 0 { throw .last("socket") }
        return Descriptor(owning: raw)
    }

    private static func bind(_ socket: Int32, _ endpoint: SocketEndpoint) throws(SystemError) {
        let code = unsafe withAddress(of: endpoint) { address, length in
            unsafe Glibc.bind(socket, address, length)
        }
        if code != 0 { throw .last("bind \(endpoint)") }
    }

    private static func set(
        _ socket: Int32,
        _ level: Int32,
        _ option: Int32,
        _ value: Int32,
        _ name: String
    ) throws(SystemError) {
        var value = value
        let length = socklen_t(MemoryLayout<Int32>.size)
        if unsafe setsockopt(socket, level, option, &value, length) != 0 {
            throw .last("setsockopt \(name)")
        }
    }

    static func withAddress<Result>(
        of endpoint: SocketEndpoint,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        switch endpoint.address {
        case .v4(let v4):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = v4.value.bigEndian
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .v6(let v6):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = endpoint.port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
                for (index, octet) in v6.octets.enumerated() { unsafe bytes[index] = octet }
            }
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
    }

    private static func endpoint(of storage: sockaddr_storage) -> SocketEndpoint? {
        var storage = storage
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            switch Int32(unsafe pointer.pointee.ss_family) {
            case AF_INET:
                return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    SocketEndpoint(
                        address: .v4(
                            IPv4Address(UInt32(bigEndian: unsafe $0.pointee.sin_addr.s_addr))
                        ),
                        port: UInt16(bigEndian: unsafe $0.pointee.sin_port)
                    )
                }
            case AF_INET6:
                return unsafe pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    let octets = unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) {
                        unsafe Array($0)
                    }
                    let port = UInt16(bigEndian: unsafe $0.pointee.sin6_port)
                    return IPv6Address(octets: octets).map {
                        SocketEndpoint(address: .v6($0), port: port)
                    }
                }
            default:
                return nil
            }
        }
    }

    private static let receiveBufferOctets: Int32 = 4 << 20
    /// Connections that the kernel takes before we do.
    ///
    /// Beyond them a client waits a second to ask for one again. The kernel has a limit of its own,
    /// `net.core.somaxconn`.
    private static let waitingConnectionsMax: Int32 = 1024
}
