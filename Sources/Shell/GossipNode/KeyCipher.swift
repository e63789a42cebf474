import Crypto
import FoundationEssentials
package import Gossip
package import GossipWire
import LinuxSystem

/// The keys of a ring as a cipher has them: seals with the first, opens with any.
///
/// A value is made anew when the keys change, so that the next message is sealed and opened with what
/// is there then. Source: gossip-wire.md §5.4, §15.
package struct KeyCipher: Sendable {
    private let keys: [SymmetricKey]
    private var nonces = NoncePool()
    /// Frames that a key opened, and those of them that it was not the primary one.
    private var opened = 0
    private var openedByOlderKey = 0

    package init(_ ring: KeyRing) {
        keys = ring.keys.map { SymmetricKey(data: $0.octets) }
    }

    package var hasKeys: Bool { !keys.isEmpty }

    /// 12 octets from the kernel, never given twice.
    package mutating func nonce() -> [UInt8] { nonces.take() }

    /// How many frames a key has opened since this was last asked, and how many of them not the
    /// primary one.
    mutating func takeOpened() -> (all: Int, byOlderKey: Int) {
        defer { (opened, openedByOlderKey) = (0, 0) }
        return (opened, openedByOlderKey)
    }

    /// Seals with the primary key.
    package func seal(_ request: SealRequest) -> [UInt8] {
        guard let key = keys.first else { preconditionFailure("sealed without a key") }
        do {
            let nonce = try AES.GCM.Nonce(data: request.nonce)
            let box =
                request.additional.isEmpty
                ? try AES.GCM.seal(request.plain, using: key, nonce: nonce)
                : try AES.GCM.seal(
                    request.plain,
                    using: key,
                    nonce: nonce,
                    authenticating: request.additional
                )
            guard let combined = box.combined else {
                preconditionFailure("a nonce of \(request.nonce.count) octets")
            }
            // All of it stands in one place: asked for its parts the box would make slices of it.
            return Self.copy(combined, from: request.nonce.count)
        } catch {
            // The lengths of keys and nonces are checked where they come in.
            preconditionFailure("AES-GCM did not seal: \(error)")
        }
    }

    /// What is in a frame; nil when no key opens it.
    package mutating func open(_ frame: borrowing SealedFrame) -> [UInt8]? {
        let (nonce, box) = (frame.nonce, frame.box)
        // Copied in one go: an octet at a time costs more than the cipher does.
        let combined = [UInt8](capacity: nonce.count + box.count) { out in
            for index in nonce.indices { out.append(nonce[index]) }
            for index in box.indices { out.append(box[index]) }
        }
        guard let sealed = try? AES.GCM.SealedBox(combined: combined) else { return nil }
        let additional = frame.additional
        for place in keys.indices {
            guard let plain = Self.open(sealed, with: keys[place], additional) else { continue }
            opened += 1
            if place > 0 { openedByOlderKey += 1 }
            return Self.copy(plain, from: 0)
        }
        return nil
    }

    /// Opens with one key.
    ///
    /// Without further data it is not asked about them: given none the library takes half as long again.
    private static func open(
        _ sealed: AES.GCM.SealedBox,
        with key: SymmetricKey,
        _ additional: [UInt8]
    ) -> Data? {
        if additional.isEmpty { return try? AES.GCM.open(sealed, using: key) }
        return try? AES.GCM.open(sealed, using: key, authenticating: additional)
    }

    private static func copy(_ data: Data, from start: Int) -> [UInt8] {
        let octets = data.span
        return [UInt8](capacity: octets.count - start) { out in
            for index in start..<octets.count { out.append(octets[index]) }
        }
    }

    /// What a key is called where keys are listed: the first 8 hexadecimal digits of its SHA-256.
    package static func fingerprint(of key: RingKey) -> String {
        let digits = Array("0123456789abcdef")
        return SHA256.hash(data: key.octets).prefix(4).reduce(into: "") { text, octet in
            text.append(digits[Int(octet >> 4)])
            text.append(digits[Int(octet & 15)])
        }
    }
}

/// Nonces, many for each question to the kernel.
private struct NoncePool: Sendable {
    /// As many as `KernelRandom` gives at once.
    private static let octetsAtOnce = 256 / SealedFrame.nonceOctets * SealedFrame.nonceOctets

    private var octets: [UInt8] = []
    private var used = 0

    mutating func take() -> [UInt8] {
        if used == octets.count {
            octets = KernelRandom.octets(Self.octetsAtOnce)
            used = 0
        }
        let nonce = Array(octets[used..<used + SealedFrame.nonceOctets])
        used += SealedFrame.nonceOctets
        return nonce
    }
}
