package import Gossip

/// What a ring asks of all that comes in.
package struct RingRules: Hashable, Sendable {
    package enum Encryption: Hashable, Sendable {
        /// The ring has no keys.
        case none
        case required
        /// What no key opens is taken for plain: a ring that is about to get its first key.
        case optional
    }

    package var label: RingLabel
    package var encryption: Encryption

    package init(label: RingLabel = .none, encryption: Encryption = .none) {
        self.label = label
        self.encryption = encryption
    }
}

/// Reads datagrams: label, encryption, checksum, then messages in compounds and compressions.
///
/// What is malformed is counted and passed over; one bad part takes no other with it. Work is bounded
/// by the datagram's octets and by what may be inflated for all of it together; memory by the latter.
/// A value is scratch: it holds a dictionary's memory between datagrams and nothing else.
/// Source: gossip-wire.md §1, §5.
package struct PacketReader {
    /// What one datagram may come to when it is inflated, in octets (gossip-wire.md §5.2).
    package static let inflatedOctetsMax = 65_536
    /// Compounds and compressions within each other; honest peers have two.
    package static let depthMax = 8

    package let rules: RingRules
    private var lzw = LZWDecoder()

    package init(_ rules: RingRules) {
        self.rules = rules
    }

    /// Reads one datagram and hands each message to `each`, with its own octets.
    ///
    /// `open`: decrypts with any key of the ring; called at most once, and only where there are keys.
    package mutating func read(
        _ datagram: Span<UInt8>,
        open: (borrowing SealedFrame) -> [UInt8]? = { _ in nil },
        each: (GossipMessage, Span<UInt8>) -> Void
    ) -> PacketReport {
        var pass = Pass()
        do throws(PacketFault) {
            let start = try contentStart(datagram)
            let content = datagram.extracting(start..<datagram.count)
            if rules.encryption == .none {
                readOutermost(content, &pass, each)
                return pass.report
            }
            do throws(SealFault) {
                let frame = try SealedFrame(content, additional: rules.label.octets)
                let plain = try frame.opened(by: open)
                readOutermost(plain.span, &pass, each)
            } catch {
                guard rules.encryption == .optional else { throw .seal(error) }
                readOutermost(content, &pass, each)
            }
        } catch {
            pass.report.refuse(error)
        }
        return pass.report
    }

    private func contentStart(_ datagram: Span<UInt8>) throws(PacketFault) -> Int {
        let start: Int?
        do throws(LabelFault) {
            start = try rules.label.strip(datagram)
        } catch {
            throw .label(error)
        }
        guard let start else {
            throw datagram.isEmpty ? .message(.empty) : .label(.truncated)
        }
        return start
    }

    /// One datagram's reading: what may still be inflated, and what has been found.
    private struct Pass {
        var inflatable = PacketReader.inflatedOctetsMax
        var report = PacketReport()
    }

    /// The one place where a checksum may stand.
    ///
    /// A single 0x0c octet is no checksum's header.
    private mutating func readOutermost(
        _ bytes: Span<UInt8>,
        _ pass: inout Pass,
        _ each: (GossipMessage, Span<UInt8>) -> Void
    ) {
        guard bytes.count > 0, bytes[0] == MessageType.checksummed.rawValue else {
            readMessage(bytes, depth: 0, &pass, each)
            return
        }
        guard bytes.count >= checksumOctets else {
            pass.report.refuse(
                .message(.truncated(needed: checksumOctets, have: bytes.count))
            )
            return
        }
        let content = bytes.extracting(checksumOctets..<bytes.count)
        let claimed = bytes.uint32(at: 1)
        let computed = Checksum.of(content)
        guard claimed == computed else {
            pass.report.refuse(.message(.checksum(claimed: claimed, computed: computed)))
            return
        }
        readMessage(content, depth: 0, &pass, each)
    }

    private mutating func readMessage(
        _ bytes: Span<UInt8>,
        depth: Int,
        _ pass: inout Pass,
        _ each: (GossipMessage, Span<UInt8>) -> Void
    ) {
        guard depth <= Self.depthMax else {
            pass.report.refuse(.message(.depth(limit: Self.depthMax)))
            return
        }
        do throws(MessageFault) {
            let type = bytes.count > 0 ? bytes[0] : nil
            if type == MessageType.compound.rawValue {
                try readCompound(bytes, depth: depth, &pass, each)
            } else if type == MessageType.compressed.rawValue {
                let plain = try CompressedMessage.read(
                    body: bytes.extracting(1..<bytes.count),
                    octetsMax: pass.inflatable,
                    with: &lzw
                )
                pass.inflatable -= plain.count
                readMessage(plain.span, depth: depth + 1, &pass, each)
            } else {
                let message = try GossipMessage(bytes)
                pass.report.messages += 1
                each(message, bytes)
            }
        } catch {
            pass.report.refuse(.message(error))
        }
    }

    /// A list of lengths, then the parts: those that are there whole are read, the rest are counted.
    private mutating func readCompound(
        _ bytes: Span<UInt8>,
        depth: Int,
        _ pass: inout Pass,
        _ each: (GossipMessage, Span<UInt8>) -> Void
    ) throws(MessageFault) {
        guard bytes.count >= 2 else { throw .truncated(needed: 2, have: bytes.count) }
        let parts = Int(bytes[1])
        var start = 2 + 2 * parts
        guard start <= bytes.count else { throw .compound(parts: parts, have: bytes.count) }
        for part in 0..<parts {
            let end = start + Int(bytes.uint16(at: 2 + 2 * part))
            guard end <= bytes.count else {
                pass.report.truncatedParts += parts - part
                return
            }
            readMessage(bytes.extracting(start..<end), depth: depth + 1, &pass, each)
            start = end
        }
    }
}

/// Type and CRC.
let checksumOctets = 5

/// What became of one datagram.
package struct PacketReport: Hashable, Sendable {
    /// Messages that were handed on.
    package fileprivate(set) var messages = 0
    /// Messages, wrappers or datagrams that were passed over.
    package fileprivate(set) var refused = 0
    /// Why the first of them was.
    package fileprivate(set) var firstFault: PacketFault?
    /// Parts of compounds that the datagram ends before.
    package fileprivate(set) var truncatedParts = 0

    package init() {}

    fileprivate mutating func refuse(_ fault: PacketFault) {
        refused += 1
        if firstFault == nil { firstFault = fault }
    }
}

/// Why a datagram, or something in it, was passed over.
package enum PacketFault: Error, Hashable, Sendable {
    case label(LabelFault)
    case seal(SealFault)
    case message(MessageFault)
}
