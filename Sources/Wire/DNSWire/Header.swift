/// The second 16 bits of a DNS header (RFC 1035 §4.1.1, RFC 4035 §3).
package struct HeaderFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let response = HeaderFlags(rawValue: 0x8000)
    package static let authoritative = HeaderFlags(rawValue: 0x0400)
    package static let truncated = HeaderFlags(rawValue: 0x0200)
    package static let recursionDesired = HeaderFlags(rawValue: 0x0100)
    package static let recursionAvailable = HeaderFlags(rawValue: 0x0080)
    package static let authenticData = HeaderFlags(rawValue: 0x0020)
    package static let checkingDisabled = HeaderFlags(rawValue: 0x0010)
    /// Four bits of opcode.
    package static let opcodeBits: UInt16 = 0x7800
    /// RD and CD, which a reply repeats (RFC 1035 §4.1.1, RFC 4035 §3.1.6).
    package static let echoedBits: UInt16 = 0x0110

    /// Without a function of its own it would be looked up as some set's, which costs more than the
    /// bits it compares.
    package func contains(_ bits: HeaderFlags) -> Bool { rawValue & bits.rawValue == bits.rawValue }

    /// 0 to 15; 0 is QUERY.
    package var opcode: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 11) & 15 }

    /// The lower four bits of the response code.
    package var rcode: UInt8 { UInt8(truncatingIfNeeded: rawValue) & 15 }
}

/// A response code; those above 15 need an OPT record (RFC 6895 §2.3, RFC 6891 §6.1.3).
package enum ResponseCode: UInt8, Hashable, Sendable, CaseIterable {
    case noError = 0
    case formErr = 1
    case servFail = 2
    case nxDomain = 3
    case notImp = 4
    case refused = 5
    case notAuth = 9
    case badVers = 16

    /// The name that tools print.
    package var mnemonic: String {
        switch self {
        case .noError: "NOERROR"
        case .formErr: "FORMERR"
        case .servFail: "SERVFAIL"
        case .nxDomain: "NXDOMAIN"
        case .notImp: "NOTIMP"
        case .refused: "REFUSED"
        case .notAuth: "NOTAUTH"
        case .badVers: "BADVERS"
        }
    }
}

/// Why an answer is what it is, for people who debug it (RFC 8914 §4).
package struct ExtendedError: Hashable, Sendable {
    /// The INFO-CODEs of RFC 8914 §5.2 that are said here.
    package enum Code: UInt16, Hashable, Sendable {
        case staleAnswer = 3
        case cachedError = 13
        case notReady = 14
        case blocked = 15
        case prohibited = 18
        case staleNXDomain = 19
        case notAuthoritative = 20
        case notSupported = 21
        case noReachableAuthority = 22
        case networkError = 23
    }

    /// Ours, or one that an upstream gave.
    package let infoCode: UInt16

    package init(_ code: Code) {
        infoCode = code.rawValue
    }

    package init(infoCode: UInt16) {
        self.infoCode = infoCode
    }
}

/// Fixed sizes of DNS messages, in octets.
package enum MessageSize {
    /// RFC 1035 §4.1.1.
    package static let header = 12
    /// What every client takes over UDP (RFC 1035 §2.3.4).
    package static let datagramDefault = 512
    /// What is sent and announced over UDP: no fragments on any path (DNS flag day 2020).
    package static let datagramMax = 1232
    /// RFC 1035 §4.2.2.
    package static let streamMax = 65_535
    /// An OPT record without options (RFC 6891 §6.1.2).
    package static let opt = 11
    /// An extended error option without text.
    package static let extendedError = 6
}
