package import Base

/// What a request asks of the gossip plane.
package enum RingRoute: Sendable, Hashable {
    case members(watch: UInt64?)
    case forget(String)
    case join([SocketEndpoint])
    case leave(isDraining: Bool)
    /// Holds what is known against the ring's tables, at once.
    case audit
    case keys
    /// The key's octets as base64: read where keys are kept, so that no error shows them.
    case addKey(String)
    case useKey(String)
    case removeKey(String)

    /// The port of a peer that is given without one.
    package static let port: UInt16 = 7946
    /// Peers in one request.
    package static let addressesMax = 64
    static let addressWanted = "ADDRESS, ADDRESS:PORT or [ADDRESS6]:PORT"

    /// The body of `POST join`.
    package static func addresses(_ body: JSONValue) throws(FieldError) -> [SocketEndpoint] {
        var reader = try ObjectReader(body)
        let list = try reader.list("address", plural: "addresses", as: addressWanted) {
            SocketEndpoint($0, defaultPort: port)
        }
        try reader.finish()
        guard (1...addressesMax).contains(list.count) else {
            throw FieldError(
                path: "addresses",
                .wrong(found: "\(list.count) of them", allowed: "1 to \(addressesMax)")
            )
        }
        return list
    }

    /// The body of `POST leave`.
    package static func isDraining(_ body: JSONValue) throws(FieldError) -> Bool {
        var reader = try ObjectReader(body)
        let isDraining = try reader.bool("drain") ?? false
        try reader.finish()
        return isDraining
    }

    /// The body of `POST keys`.
    package static func key(_ body: JSONValue) throws(FieldError) -> String {
        var reader = try ObjectReader(body)
        let wanted = "base64 of 16, 24 or 32 octets"
        guard let key = try reader.string("key") else {
            throw reader.missing("key", allowed: wanted)
        }
        try reader.finish()
        return key
    }
}
