package import Base

/// A resolver that is asked what nothing local knows.
package struct Upstream: Hashable, Comparable, Sendable {
    /// From which network namespace it is asked.
    package enum Source: Hashable, Sendable {
        /// The daemon's own.
        case host
        /// That of the sandbox with this name.
        case sandbox(String)
    }

    package let address: SocketEndpoint
    package let source: Source

    package init(_ address: SocketEndpoint, from source: Source = .host) {
        self.address = address
        self.source = source
    }

    /// Of the address alone: two that differ only in where they are asked from are rare, and this is
    /// done several times for each question.
    package func hash(into hasher: inout Hasher) {
        switch address.address {
        case .v4(let v4): hasher.combine(UInt64(v4.value) << 16 | UInt64(address.port))
        case .v6(let v6):
            hasher.combine(v6.high)
            hasher.combine(v6.low ^ UInt64(address.port))
        }
    }

    package static func < (left: Upstream, right: Upstream) -> Bool {
        (left.address, left.source.order) < (right.address, right.source.order)
    }
}

/// Upstreams that are asked together, in order.
///
/// Replies and exchanges are shared between sandboxes exactly when they have the group in common:
/// then they would ask the same servers from the same place.
package final class UpstreamGroup: Sendable {
    /// Never used again for other upstreams.
    package let id: UInt64
    /// In order of preference.
    package let upstreams: [Upstream]

    package init(id: UInt64, upstreams: [Upstream]) {
        self.id = id
        self.upstreams = upstreams
    }

    /// Whether every upstream is at a private address, so that private names may be asked there.
    package var isPrivate: Bool {
        !upstreams.isEmpty && upstreams.allSatisfy { $0.address.address.isPrivate }
    }
}

extension Upstream.Source {
    /// The daemon's own before any sandbox's.
    fileprivate var order: String {
        switch self {
        case .host: ""
        case .sandbox(let name): name
        }
    }
}
