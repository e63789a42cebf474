/// Reads what a peer sends over a stream, octets as they arrive: label, encryption, compression, one
/// message.
///
/// A stream carries one message each way, read by its own lengths: peers do not close their side, and
/// what follows the message is not looked at. What is held of an unfinished stream is bounded by
/// `StreamLimits` and never more than what arrived, but for what a compressed message comes to.
/// Source: gossip-wire.md §6.
package struct StreamDecoder: Sendable {
    private enum Stage {
        case label
        case start
        case sealed(octets: Int)
        case compressed(ItemScanner)
        case plain
        case done
    }

    private let role: StreamRole
    private let rules: RingRules
    private let limits: StreamLimits
    private var stage: Stage
    private var body: StreamBody
    /// Octets that arrived and are not read yet, from `taken` on.
    private var held: [UInt8] = []
    private var taken = 0
    /// Whether the last step got further, and another may.
    private var hasMoved = true

    /// A decoder for the octets that come from the other end.
    ///
    /// `role`: ours. The answer to a stream that we began has no label of its own.
    package init(role: StreamRole, rules: RingRules, limits: StreamLimits = StreamLimits()) {
        self.role = role
        self.rules = rules
        self.limits = limits
        body = StreamBody(role: role, limits: limits)
        stage = role == .accepting ? .label : .start
    }

    /// Takes more octets; returns the message once its last octet has come, and then no more.
    ///
    /// `open`: decrypts with any key of the ring; called at most once for a stream.
    /// Throws: `StreamFault`; the stream is to be closed then, with `StreamFault.reply` if there is one.
    package mutating func feed(
        _ octets: Span<UInt8>,
        open: (borrowing SealedFrame) -> [UInt8]? = { _ in nil }
    ) throws(StreamFault) -> StreamMessage? {
        if case .done = stage { return nil }
        held.append(span: octets)
        while true {
            let message = try step(open)
            if let message {
                stage = .done
                held = []
                body = StreamBody(role: role, limits: limits)
                return message
            }
            if !hasMoved {
                letGo()
                return nil
            }
        }
    }

    /// Says that no more octets come.
    ///
    /// Throws: `StreamFault.cut` when the message is not whole; nothing at all is no message, and no
    /// fault.
    package func end() throws(StreamFault) {
        switch stage {
        case .done: return
        case .label, .start: if held.isEmpty { return }
        case .sealed, .compressed, .plain: break
        }
        throw .cut
    }

    /// Reads on by one stage, or finds that more octets are needed.
    private mutating func step(
        _ open: (borrowing SealedFrame) -> [UInt8]?
    ) throws(StreamFault) -> StreamMessage? {
        let octets = held
        let window = octets.span.extracting(taken..<octets.count)
        hasMoved = true
        switch stage {
        case .label:
            let header: Int?
            do throws(LabelFault) {
                header = try rules.label.strip(window)
            } catch {
                throw .label(error)
            }
            guard let header else { break }
            taken += header
            stage = .start
            return nil
        case .start:
            if try start(window) { return nil }
        case .sealed(let count):
            guard window.count >= count else { break }
            return try opened(window.extracting(0..<count), open)
        case .compressed(var scanner):
            let isWhole = try Self.advance(&scanner, window)
            stage = .compressed(scanner)
            guard isWhole else { break }
            return try Self.inflated(window.extracting(0..<scanner.at), role, limits)
        case .plain:
            taken += try body.take(window)
            if let message = body.message { return message }
        case .done: break
        }
        hasMoved = false
        return nil
    }

    /// Looks at the first octet after the label; false when there are too few octets to go on.
    private mutating func start(_ window: Span<UInt8>) throws(StreamFault) -> Bool {
        guard window.count > 0 else { return false }
        let type = window[0]
        if type == MessageType.sealed.rawValue {
            guard rules.encryption != .none else { throw .noKeys }
            guard window.count >= 5 else { return false }
            let octets = Int(window.uint32(at: 1))
            guard octets <= limits.frameOctetsMax else {
                throw .octets(claimed: octets, limit: limits.frameOctetsMax)
            }
            taken += 5
            stage = .sealed(octets: octets)
            return true
        }
        guard rules.encryption != .required else { throw .notSealed }
        if type == MessageType.compressed.rawValue {
            taken += 1
            stage = .compressed(ItemScanner(at: 0, octetsMax: limits.frameOctetsMax))
        } else {
            stage = .plain
        }
        return true
    }

    /// Lets go of what has been read, once that is worth the copying.
    private mutating func letGo() {
        guard taken == held.count || taken > 65_536 && taken > held.count / 2 else { return }
        held.removeFirst(taken)
        taken = 0
    }

    private func opened(
        _ bytes: Span<UInt8>,
        _ open: (borrowing SealedFrame) -> [UInt8]?
    ) throws(StreamFault) -> StreamMessage {
        let additional = SealedFrame.streamAdditional(
            frameOctets: bytes.count,
            label: rules.label
        )
        let plain: [UInt8]
        do throws(SealFault) {
            plain = try SealedFrame(bytes, additional: additional).opened(by: open)
        } catch {
            throw .seal(error)
        }
        let content = plain.span
        guard content.count > 0 else { throw .message(.empty) }
        guard content[0] == MessageType.compressed.rawValue else {
            return try Self.whole(content, role, limits)
        }
        return try Self.inflated(content.extracting(1..<content.count), role, limits)
    }

    private static func inflated(
        _ body: Span<UInt8>,
        _ role: StreamRole,
        _ limits: StreamLimits
    ) throws(StreamFault) -> StreamMessage {
        var lzw = LZWDecoder()
        let plain: [UInt8]
        do throws(MessageFault) {
            plain = try CompressedMessage.read(
                body: body,
                octetsMax: limits.inflatedOctetsMax(packed: body.count),
                with: &lzw
            )
        } catch {
            throw .message(error)
        }
        return try whole(plain.span, role, limits)
    }

    /// The message that all of `content` is; what follows it is not looked at.
    private static func whole(
        _ content: Span<UInt8>,
        _ role: StreamRole,
        _ limits: StreamLimits
    ) throws(StreamFault) -> StreamMessage {
        var body = StreamBody(role: role, limits: limits)
        _ = try body.take(content)
        guard let message = body.message else { throw .cut }
        return message
    }

    private static func advance(
        _ scanner: inout ItemScanner,
        _ window: Span<UInt8>
    ) throws(StreamFault) -> Bool {
        do throws(MsgpackFault) {
            return try scanner.advance(window)
        } catch {
            throw .message(.body(.compressed, error))
        }
    }
}
