package import Gossip

extension GossipMessage {
    /// Reads a whole message as it stands in a datagram, type octet first.
    ///
    /// What follows the body's map is not looked at. Allocates what the message holds: no more than
    /// its own octets. Throws: `MessageFault`.
    package init(_ octets: Span<UInt8>) throws(MessageFault) {
        guard !octets.isEmpty else { throw .empty }
        guard let type = MessageType(rawValue: octets[0]) else { throw .type(octets[0]) }
        if type == .user {
            self = .user(octets.array(1..<octets.count))
            return
        }
        var reader = MsgpackReader(octets, at: 1)
        do throws(MsgpackFault) {
            switch type {
            case .ping: self = .ping(try Ping(&reader))
            case .indirectPing: self = .indirectPing(try IndirectPing(&reader))
            case .ack: self = .ack(try Ack(&reader))
            case .nack: self = .nack(try Nack(&reader))
            case .suspect: self = .suspect(try Suspect(&reader))
            case .alive: self = .alive(try Alive(&reader))
            case .dead: self = .dead(try Dead(&reader))
            case .pushPull, .compound, .user, .compressed, .sealed, .checksummed, .error, .label:
                throw MsgpackFault.kind(octet: type.rawValue, offset: 0)
            }
        } catch {
            if case .kind(_, 0) = error { throw .type(type.rawValue) }
            throw .body(type, error)
        }
    }

    package var type: MessageType {
        switch self {
        case .ping: .ping
        case .indirectPing: .indirectPing
        case .ack: .ack
        case .nack: .nack
        case .suspect: .suspect
        case .alive: .alive
        case .dead: .dead
        case .user: .user
        }
    }

    /// The message as a datagram has it, type octet first.
    ///
    /// Octet for octet what memberlist sends, but for two spellings of nothing: an empty payload is
    /// nil, an empty meta an empty string.
    package var octets: [UInt8] {
        var out: [UInt8] = [type.rawValue]
        switch self {
        case .ping(let ping): ping.write(&out)
        case .indirectPing(let ping): ping.write(&out)
        case .ack(let ack): ack.write(&out)
        case .nack(let nack): nack.write(&out)
        case .suspect(let suspect):
            write(&out, suspect.node, suspect.incarnation, accuser: suspect.accuser)
        case .alive(let alive): alive.write(&out)
        case .dead(let dead): write(&out, dead.node, dead.incarnation, accuser: dead.accuser)
        case .user(let octets): out += octets
        }
        return out
    }
}

/// Why octets are no message.
package enum MessageFault: Error, Hashable, Sendable {
    /// Not even a type.
    case empty
    /// A type that is unassigned, or that may not stand where it stood.
    case type(UInt8)
    case body(MessageType, MsgpackFault)
    /// The list of lengths of a compound is cut off.
    case compound(parts: Int, have: Int)
    /// Wrappers within wrappers within wrappers.
    case depth(limit: Int)
    case checksum(claimed: UInt32, computed: UInt32)
    /// A wrapper that is cut off before its content.
    case truncated(needed: Int, have: Int)
    /// Compressed by another algorithm than LZW.
    case algorithm(UInt8)
    case lzw(LZWFault)
    /// Compressed nothing, which older peers crash on (gossip-wire.md §5.2).
    case compressedNothing
}
