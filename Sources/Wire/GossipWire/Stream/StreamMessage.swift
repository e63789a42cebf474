package import Gossip

/// The one message that goes each way over a stream.
///
/// Source: gossip-wire.md §6.
package enum StreamMessage: Hashable, Sendable {
    /// A probe of last resort, answered by an ack.
    case ping(Ping)
    case ack(Ack)
    /// A whole table, answered by one.
    case exchange(StateExchange)
    /// The delegate's octets; not answered.
    case user([UInt8])
    /// Why there is no other answer.
    case error(String)

    package var type: MessageType {
        switch self {
        case .ping: .ping
        case .ack: .ack
        case .exchange: .pushPull
        case .user: .user
        case .error: .error
        }
    }

    /// The message as a stream has it, type octet first, neither compressed nor encrypted.
    package var octets: [UInt8] {
        var out: [UInt8] = [type.rawValue]
        switch self {
        case .ping(let ping): ping.write(&out)
        case .ack(let ack): ack.write(&out)
        case .exchange(let exchange): exchange.write(&out)
        case .user(let octets):
            out.append(map: 1)
            out.append(.userMessageOctets)
            out.append(length: octets.count)
            out += octets
        case .error(let text):
            out.append(map: 1)
            out.append(.error)
            out.append(raw: Array(text.utf8))
        }
        return out
    }
}

extension StateExchange {
    fileprivate func write(_ out: inout [UInt8]) {
        out.append(map: 3)
        out.append(.join)
        out.append(flag: isJoin)
        out.append(.nodes)
        out.append(length: members.count)
        out.append(.userStateOctets)
        out.append(length: userState.count)
        for member in members { member.write(&out) }
        out += userState
    }
}

/// Which end of a stream we are.
package enum StreamRole: Hashable, Sendable {
    /// A peer connected to us: it asks.
    case accepting
    /// We connected to a peer: it answers.
    case initiating

    /// Whether a message of this type may come.
    func takes(_ type: MessageType) -> Bool {
        switch self {
        case .accepting: type == .ping || type == .pushPull || type == .user
        case .initiating: type == .ack || type == .pushPull || type == .error
        }
    }
}

/// What is put around the message of a stream: compression, encryption, and once the label.
package struct StreamFrame: Hashable, Sendable {
    package let role: StreamRole
    package let label: RingLabel
    /// nil where the ring has no keys.
    package let seal: SealVersion?
    /// The shortest message worth compressing, in octets; nil: none is.
    ///
    /// Peers compress every one,
    /// longer for it or not; here the shorter form goes out.
    package let compressedFrom: Int?

    package init(
        role: StreamRole,
        label: RingLabel = .none,
        seal: SealVersion? = nil,
        compressedFrom: Int? = DatagramFrame.compressedFromDefault
    ) {
        self.role = role
        self.label = label
        self.seal = seal
        self.compressedFrom = compressedFrom
    }

    /// Everything that goes over the stream for `message`.
    ///
    /// `nonce`, `encrypt`: needed where the ring has keys; see `SealRequest`.
    package func octets(
        _ message: StreamMessage,
        nonce: [UInt8] = [],
        encrypt: (SealRequest) -> [UInt8] = { $0.plain }
    ) -> [UInt8] {
        var content = message.octets
        if let compressedFrom, content.count >= compressedFrom {
            var lzw = LZWEncoder()
            let packedMax = content.count - CompressedMessage.overhead(packed: content.count) - 1
            if packedMax > 0, let packed = lzw.encode(content.span, octetsMax: packedMax) {
                content = CompressedMessage.write(packed: packed)
            }
        }
        // The answer to a labelled stream has no label of its own, but authenticates it.
        let head = role == .initiating ? label : .none
        guard let seal else {
            if head.octets.isEmpty { return content }
            var out: [UInt8] = []
            head.write(&out)
            return out + content
        }
        let frameOctets = seal.frameOctets(plain: content.count)
        let additional = SealedFrame.streamAdditional(frameOctets: frameOctets, label: label)
        var out: [UInt8] = []
        out.reserveCapacity(head.overhead + 5 + frameOctets)
        head.write(&out)
        out.append(MessageType.sealed.rawValue)
        out.append(uint32: UInt32(frameOctets))
        out += seal.frame(content, nonce: nonce, additional: additional, by: encrypt)
        return out
    }
}
