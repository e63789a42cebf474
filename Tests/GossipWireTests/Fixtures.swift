import Foundation

/// Octets written as hexadecimal digits; blanks are passed over.
func hex(_ text: some StringProtocol) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

func digits(_ octets: some Sequence<UInt8>) -> String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// What peers of other hands sent: `fixtures/gossip`.
struct Recording: Sendable, CustomStringConvertible {
    let name: String
    let key: [UInt8]?
    let datagrams: [[UInt8]]
    /// What went over streams, by who connected and by who was connected to.
    let asks: [[UInt8]]
    let answers: [[UInt8]]

    var description: String { name }
    var isSerf: Bool { name.hasPrefix("serf") }

    init(_ name: String, key: [UInt8]? = nil) {
        self.name = name
        self.key = key
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appending(path: "fixtures/gossip/\(name).txt")
        let lines = ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n")
        func octets(_ kind: String) -> [[UInt8]] {
            lines.filter { $0.hasPrefix(kind + " ") }.map { hex($0.dropFirst(kind.count + 1)) }
        }
        datagrams = octets("datagram")
        asks = octets("ask")
        answers = octets("answer")
    }

    private static let key: [UInt8] = Array(0..<16)

    static let all = [
        Recording("memberlist-plain"),
        Recording("memberlist-uncompressed"),
        Recording("memberlist-aes128", key: key),
        Recording("memberlist-aes192-uncompressed", key: key + key[..<8]),
        Recording("memberlist-aes256-padded", key: key + key),
        Recording("serf-plain"),
        Recording("serf-aes128", key: key),
    ]
}
