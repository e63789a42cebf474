package import Base
import Glibc

/// The addresses of the calling thread's network namespace.
package enum NetworkInterfaces {
    /// Addresses by which others can reach this namespace, in the order of its interfaces: no
    /// loopback, and no IPv6 address that is good for one link only.
    package static func addresses() throws(SystemError) -> [IPAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        if unsafe getifaddrs(&first) != 0 { throw .last("getifaddrs") }
        defer { unsafe freeifaddrs(first) }
        var addresses: [IPAddress] = []
        var next = unsafe first
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            let isLoopback = unsafe entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) != 0
            guard !isLoopback, let raw = unsafe entry.pointee.ifa_addr,
                let address = unsafe address(raw), !addresses.contains(address)
            else { continue }
            addresses.append(address)
        }
        return addresses
    }

    private static func address(_ raw: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        switch Int32(unsafe raw.pointee.sa_family) {
        case AF_INET:
            return unsafe raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                .v4(IPv4Address(UInt32(bigEndian: unsafe $0.pointee.sin_addr.s_addr)))
            }
        case AF_INET6:
            let octets = unsafe raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) { unsafe Array($0) }
            }
            // fe80::/10 (RFC 4291 §2.5.6).
            if octets[0] == 0xfe, octets[1] & 0xc0 == 0x80 { return nil }
            return IPv6Address(octets: octets).map { .v6($0) }
        default:
            return nil
        }
    }
}
