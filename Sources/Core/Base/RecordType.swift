/// A DNS record or question type (RFC 1035 §3.2.2, IANA "DNS Resource Record TYPEs").
package struct RecordType: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let code: UInt16

    package init(_ code: UInt16) {
        self.code = code
    }

    package static let a = RecordType(1)
    package static let ns = RecordType(2)
    package static let cname = RecordType(5)
    package static let soa = RecordType(6)
    package static let ptr = RecordType(12)
    package static let hinfo = RecordType(13)
    package static let mx = RecordType(15)
    package static let txt = RecordType(16)
    package static let sig = RecordType(24)
    package static let aaaa = RecordType(28)
    package static let srv = RecordType(33)
    package static let opt = RecordType(41)
    package static let ds = RecordType(43)
    package static let svcb = RecordType(64)
    package static let https = RecordType(65)
    package static let tkey = RecordType(249)
    package static let tsig = RecordType(250)
    package static let ixfr = RecordType(251)
    package static let axfr = RecordType(252)
    package static let mailb = RecordType(253)
    package static let maila = RecordType(254)
    package static let any = RecordType(255)

    /// Whether it is no type of data: 0, OPT, and the types kept for questions and signatures, 249
    /// to 255 (RFC 6895 §3.1).
    package var isMeta: Bool { code == 0 || code == 41 || (249...255).contains(code) }

    /// A mnemonic in any case, or `TYPE1234` (RFC 3597 §5); nil when unknown.
    package init?(_ text: some StringProtocol) {
        let upper = text.uppercased()
        if let known = Self.mnemonics.first(where: { $0.text == upper }) {
            self = known.type
        } else if upper.hasPrefix("TYPE"), isUnsigned(upper.dropFirst(4)),
            let code = UInt16(upper.dropFirst(4))
        {
            self.init(code)
        } else {
            return nil
        }
    }

    package var description: String {
        Self.mnemonics.first { $0.type == self }?.text ?? "TYPE\(code)"
    }

    /// Patterns of a `switch`: without a function of its own each would be looked up as some
    /// equatable type's, which costs more than what it guards.
    package static func ~= (pattern: RecordType, value: RecordType) -> Bool {
        pattern.code == value.code
    }

    package static func < (left: RecordType, right: RecordType) -> Bool {
        left.code < right.code
    }

    private static let mnemonics: [(text: String, type: RecordType)] = [
        ("A", .a), ("NS", .ns), ("MD", .init(3)), ("MF", .init(4)), ("CNAME", .cname),
        ("SOA", .soa), ("PTR", .ptr), ("HINFO", .hinfo), ("MX", .mx), ("TXT", .txt),
        ("SIG", .sig), ("AAAA", .aaaa), ("LOC", .init(29)), ("SRV", .srv), ("NAPTR", .init(35)),
        ("DNAME", .init(39)), ("OPT", .opt), ("DS", .ds), ("SSHFP", .init(44)),
        ("RRSIG", .init(46)), ("NSEC", .init(47)), ("DNSKEY", .init(48)), ("NSEC3", .init(50)),
        ("TLSA", .init(52)), ("SVCB", .svcb), ("HTTPS", .https), ("SPF", .init(99)),
        ("TKEY", .tkey), ("TSIG", .tsig), ("IXFR", .ixfr), ("AXFR", .axfr), ("MAILB", .mailb),
        ("MAILA", .maila), ("ANY", .any), ("CAA", .init(257)),
    ]
}
