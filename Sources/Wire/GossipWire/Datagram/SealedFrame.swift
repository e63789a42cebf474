/// The two ways of laying out an encrypted message.
///
/// Source: gossip-wire.md §5.4.
package enum SealVersion: UInt8, Hashable, Sendable, CaseIterable {
    /// Plain octets are padded to whole blocks of 16, by 1 ... 16 octets that say how many.
    case padded = 0
    case bare = 1

    /// Octets of the frame around `plain` octets, padding included.
    package func frameOctets(plain: Int) -> Int {
        switch self {
        case .padded: SealedFrame.overhead + (plain / 16 + 1) * 16
        case .bare: SealedFrame.overhead + plain
        }
    }

    /// The most plain octets that a frame of `frame` octets holds; negative when it holds none.
    package func plainOctetsMax(frame: Int) -> Int {
        let inside = frame - SealedFrame.overhead
        switch self {
        case .padded: return inside < 16 ? -1 : inside / 16 * 16 - 1
        case .bare: return inside
        }
    }

    /// What is encrypted for `plain`.
    func padded(_ plain: [UInt8]) -> [UInt8] {
        guard self == .padded else { return plain }
        let padding = 16 - plain.count % 16
        return plain + [UInt8](repeating: UInt8(padding), count: padding)
    }

    /// Takes the padding off what was decrypted.
    ///
    /// Throws: `SealFault.padding` when the last octet is no length of a padding.
    func strip(_ plain: inout [UInt8]) throws(SealFault) {
        guard self == .padded else { return }
        guard let last = plain.last, (1...16).contains(last), Int(last) <= plain.count else {
            throw .padding(plain.last)
        }
        plain.removeLast(Int(last))
    }
}

/// An AES-GCM frame, laid out for whoever holds the keys: version, nonce, ciphertext, tag.
///
/// This room has no cryptography: opening is the caller's, who tries every key in the ring's order,
/// and returns what came out or nil. Source: gossip-wire.md §5.4.
package struct SealedFrame: ~Escapable {
    private let bytes: Span<UInt8>
    package let version: SealVersion
    /// What is authenticated beside the ciphertext.
    package let additional: [UInt8]

    /// Nonce, in octets.
    package static let nonceOctets = 12
    /// Authentication tag, in octets.
    package static let tagOctets = 16
    /// Version, nonce and tag: what a frame costs beyond its plain octets and their padding.
    package static let overhead = 1 + nonceOctets + tagOctets
    /// AES-128, AES-192, AES-256.
    package static let keyOctets = [16, 24, 32]

    /// Lays out all of `bytes` as one frame.
    ///
    /// Throws: `SealFault` for a version other than 0 and 1, and for fewer octets than a frame has.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, additional: [UInt8]) throws(SealFault) {
        guard bytes.count > Self.overhead else {
            throw .short(needed: Self.overhead + 1, have: bytes.count)
        }
        guard let version = SealVersion(rawValue: bytes[0]) else { throw .version(bytes[0]) }
        self.bytes = bytes
        self.version = version
        self.additional = additional
    }

    package var nonce: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(1..<1 + Self.nonceOctets) }
    }

    /// Ciphertext followed by its tag.
    package var box: Span<UInt8> {
        @_lifetime(copy self)
        get { bytes.extracting(1 + Self.nonceOctets..<bytes.count) }
    }

    /// What is authenticated with a stream's frame: its head and the ring's label.
    static func streamAdditional(frameOctets: Int, label: RingLabel) -> [UInt8] {
        var additional: [UInt8] = [MessageType.sealed.rawValue]
        additional.append(uint32: UInt32(frameOctets))
        return additional + label.octets
    }

    /// Opens with `open` and takes the padding off.
    ///
    /// Throws: `SealFault.noKey` when `open` returns nil, `.padding`.
    func opened(by open: (borrowing SealedFrame) -> [UInt8]?) throws(SealFault) -> [UInt8] {
        guard var plain = open(self) else { throw .noKey }
        try version.strip(&plain)
        return plain
    }
}

/// What is to be encrypted, with the primary key, by whoever holds it.
///
/// The answer is the ciphertext followed by its tag of 16 octets.
package struct SealRequest: Sendable {
    /// Padded already where the version asks for it.
    package let plain: [UInt8]
    /// 12 octets, never used before with this key; the caller's own.
    package let nonce: [UInt8]
    package let additional: [UInt8]

    package init(plain: [UInt8], nonce: [UInt8], additional: [UInt8]) {
        self.plain = plain
        self.nonce = nonce
        self.additional = additional
    }
}

extension SealVersion {
    /// The whole frame of `plain`, sealed by `seal`, after `head`.
    func frame(
        after head: [UInt8] = [],
        _ plain: [UInt8],
        nonce: [UInt8],
        additional: [UInt8],
        by seal: (SealRequest) -> [UInt8]
    ) -> [UInt8] {
        precondition(nonce.count == SealedFrame.nonceOctets, "a nonce of \(nonce.count) octets")
        let request = SealRequest(plain: padded(plain), nonce: nonce, additional: additional)
        let box = seal(request)
        precondition(
            box.count == request.plain.count + SealedFrame.tagOctets,
            "\(box.count) octets sealed of \(request.plain.count)"
        )
        var frame = head
        frame.reserveCapacity(head.count + SealedFrame.overhead + request.plain.count)
        frame.append(rawValue)
        frame += nonce
        frame += box
        return frame
    }
}

/// Why an encrypted frame stays closed.
package enum SealFault: Error, Hashable, Sendable {
    case short(needed: Int, have: Int)
    case version(UInt8)
    /// No key of the ring opens it.
    case noKey
    /// The last octet decrypted is no length of a padding.
    case padding(UInt8?)
}
