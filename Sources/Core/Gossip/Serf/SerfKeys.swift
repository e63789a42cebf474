/// What a query of serf's wants done with a node's keys.
///
/// Source: gossip-wire.md §18.7.
package enum SerfKeyRequest: Hashable, Sendable {
    case list
    /// Opens what comes, from now on.
    case install([UInt8])
    /// Seals what goes, from now on.
    case use([UInt8])
    case remove([UInt8])
}

/// What became of it.
package enum SerfKeyOutcome: Hashable, Sendable {
    case done
    /// The keys, the one in use first.
    case keys([[UInt8]])
    case failed(SerfKeyFailure)
}

/// Why a node's keys are as they were.
package enum SerfKeyFailure: Hashable, Sendable {
    /// The ring is not encrypted.
    case none
    /// Neither 16, 24 nor 32 octets.
    case length
    case unknown
    /// The key in use cannot be removed.
    case inUse
    case tooMany
    /// The change could not be written down.
    case notSaved

    /// nil where the keys are as they were wanted: one more time the same key, or one less that is not there.
    package init?(_ fault: KeyRingFault, of request: SerfKeyRequest) {
        switch (fault, request) {
        case (.duplicate, _), (.unknown, .remove): return nil
        case (.length, _): self = .length
        case (.unknown, _): self = .unknown
        case (.primary, _): self = .inUse
        case (.full, _): self = .tooMany
        }
    }

    var text: String {
        switch self {
        case .none: "no keys: encryption is not enabled"
        case .length: "a key has 16, 24 or 32 octets"
        case .unknown: "that key is not installed"
        case .inUse: "the key in use cannot be removed"
        case .tooMany: "too many keys are installed"
        case .notSaved: "the change could not be written down"
        }
    }
}

extension KeyRing {
    /// Does what a member of the ring wants done with the keys of all of them.
    package mutating func obey(_ request: SerfKeyRequest) -> SerfKeyOutcome {
        if isEmpty { return .failed(.none) }
        do throws(KeyRingFault) {
            switch request {
            case .list: return .keys(keys.map(\.octets))
            case .install(let key): try add(RingKey(key))
            case .use(let key): try use(RingKey(key))
            case .remove(let key): try remove(RingKey(key))
            }
        } catch {
            return SerfKeyFailure(error, of: request).map { .failed($0) } ?? .done
        }
        return .done
    }
}

/// Text of octets as serf's keys have it: RFC 4648 §4.
enum Base64 {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    private static let padding = UInt8(ascii: "=")

    static func text(of octets: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let few = octets[start..<min(start + 3, octets.count)]
            let bits = few.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - few.count))
            for place in 0..<4 {
                let letter = letters[Int(bits >> UInt32(18 - 6 * place) & 63)]
                out.append(place <= few.count ? letter : padding)
            }
        }
        return out
    }
}
