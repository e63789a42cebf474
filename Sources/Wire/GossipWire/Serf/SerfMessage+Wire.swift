package import Gossip

/// The first octet of what serf says, within a user message or beside it.
///
/// Source: gossip-wire.md §18.3.
package enum SerfMessageType: UInt8, Hashable, Sendable, CaseIterable {
    case leave = 0
    case join = 1
    /// A table's user state, not a user message.
    case pushPull = 2
    case userEvent = 3
    case query = 4
    case queryResponse = 5
    /// The payload of the answer to a conflict.
    case conflictResponse = 6
    /// The payload of a question about keys.
    case keyRequest = 7
    /// The payload of its answer.
    case keyResponse = 8
    case relay = 9
}

extension SerfMessage {
    /// Reads the octets of a user message.
    ///
    /// Throws: `SerfFault` for other types, broken octets, and events or queries of more than
    /// `SerfEvent.octetsMax`.
    package init(_ octets: Span<UInt8>) throws(SerfFault) {
        let type = try SerfMessageType(of: octets)
        var reader = MsgpackReader(octets, at: 1)
        do throws(MsgpackFault) {
            switch type {
            case .leave: self = .leave(try SerfLeave(&reader))
            case .join: self = .join(try SerfJoin(&reader))
            case .userEvent: self = .userEvent(try SerfEvent(&reader))
            case .query: self = .query(try SerfQuery(&reader))
            case .queryResponse: self = .queryResponse(try SerfQueryResponse(&reader))
            case .relay: self = .relay(try SerfRelay(&reader))
            case .pushPull, .conflictResponse, .keyRequest, .keyResponse:
                throw MsgpackFault.kind(octet: type.rawValue, offset: 0)
            }
        } catch {
            if case .kind(_, 0) = error { throw .type(type.rawValue) }
            throw .body(type, error)
        }
    }

    package var type: SerfMessageType {
        switch self {
        case .leave: .leave
        case .join: .join
        case .userEvent: .userEvent
        case .query: .query
        case .queryResponse: .queryResponse
        case .relay: .relay
        }
    }

    /// The octets of the user message, serf's type octet first.
    package var octets: [UInt8] {
        var out: [UInt8] = [type.rawValue]
        switch self {
        case .leave(let leave): leave.write(&out)
        case .join(let join): join.write(&out)
        case .userEvent(let event): event.write(&out)
        case .query(let query): query.write(&out)
        case .queryResponse(let response): response.write(&out)
        case .relay(let relay): relay.write(&out)
        }
        return out
    }
}

/// Why octets are nothing that serf says.
package enum SerfFault: Error, Hashable, Sendable {
    case empty
    /// A type that is unassigned, or that may not stand where it stood.
    case type(UInt8)
    case body(SerfMessageType, MsgpackFault)
}

extension SerfMessageType {
    init(of octets: Span<UInt8>) throws(SerfFault) {
        guard octets.count > 0 else { throw .empty }
        guard let type = SerfMessageType(rawValue: octets[0]) else { throw .type(octets[0]) }
        self = type
    }

    /// Goes past the type octet, which has to be this one.
    func check(_ octets: Span<UInt8>) throws(SerfFault) {
        let type = try SerfMessageType(of: octets)
        guard type == self else { throw .type(type.rawValue) }
    }
}
