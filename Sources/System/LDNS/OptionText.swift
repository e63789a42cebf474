extension DecodedOption {
    /// The option for people: its mnemonic or number, and its data.
    var text: String {
        switch code {
        case 3: "NSID: \(hexadecimal) (\(printable(data[...])))"
        case 8: "CLIENT-SUBNET: \(hexadecimal)"
        case 10: "COOKIE: \(hexadecimal)"
        case 11 where data.count == 2: "TCP-KEEPALIVE: \(tenths) s"
        case 12: "PADDING: \(data.count) octets"
        case 15 where data.count >= 2: "EDE: \(extendedError)"
        default: "OPTION \(code): \(hexadecimal)"
        }
    }

    private var number: Int { Int(data[0]) << 8 | Int(data[1]) }

    /// RFC 7828 §3.1: units of 100 milliseconds.
    private var tenths: String { "\(number / 10).\(number % 10)" }

    private var extendedError: String {
        let name = extendedErrorNames.indices.contains(number) ? extendedErrorNames[number] : ""
        let extra = data.count > 2 ? ": \(printable(data[2...]))" : ""
        return "\(number)" + (name.isEmpty ? "" : " (\(name))") + extra
    }

    private var hexadecimal: String {
        data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A stranger's text on a terminal: what is not plain ASCII becomes a dot.
    private func printable(_ octets: ArraySlice<UInt8>) -> String {
        String(decoding: octets.map { (0x20...0x7e).contains($0) ? $0 : 46 }, as: UTF8.self)
    }
}

/// By INFO-CODE (RFC 8914 §5.2).
private let extendedErrorNames = [
    "Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer",
    "Forged Answer", "DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired",
    "Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing", "No Zone Key Bit Set",
    "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored", "Filtered", "Prohibited",
    "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority",
    "Network Error", "Invalid Data",
]
