/// One word or sign of Swift code, with the line it stands on.
struct Token: Equatable {
    let text: String
    let line: Int
}

/// Splits Swift source into tokens, leaving out what is not code.
///
/// Comments vanish, a string literal becomes the one token `""`, and what stands inside an
/// interpolation is code again. Words in backticks keep them, so that they match no keyword. This
/// is no compiler: regex literals are not understood, signs other than `->` come one by one.
struct SwiftTokens {
    private let octets: [UInt8]
    private var at = 0
    private var line = 1
    private var tokens: [Token] = []

    static func of(_ source: String) -> [Token] {
        var scanner = SwiftTokens(octets: Array(source.utf8))
        scanner.scan(untilParenthesis: false)
        return scanner.tokens
    }

    private init(octets: [UInt8]) {
        self.octets = octets
    }

    /// Scans code up to the end, or up to the `)` that closes an interpolation.
    private mutating func scan(untilParenthesis: Bool) {
        var depth = 0
        while let octet = peek() {
            switch octet {
            case UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                advance()
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "/"):
                while let next = peek(), next != UInt8(ascii: "\n") { advance() }
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"):
                skipBlockComment()
            case UInt8(ascii: "\""):
                skipString(pounds: 0)
            case UInt8(ascii: "#") where poundsBeforeQuote != nil:
                skipString(pounds: poundsBeforeQuote ?? 0)
            case UInt8(ascii: "-") where peek(1) == UInt8(ascii: ">"):
                emit("->", octets: 2)
            case _ where Self.isWord(octet):
                var end = at
                while end < octets.count, Self.isWord(octets[end]) { end += 1 }
                emit(String(decoding: octets[at..<end], as: UTF8.self), octets: end - at)
            default:
                if octet == UInt8(ascii: "(") { depth += 1 }
                if octet == UInt8(ascii: ")") {
                    if untilParenthesis, depth == 0 { return }
                    depth -= 1
                }
                emit(String(UnicodeScalar(octet)), octets: 1)
            }
        }
    }

    /// The number of `#` here when a quote follows them, else nil.
    private var poundsBeforeQuote: Int? {
        var pounds = 0
        while peek(pounds) == UInt8(ascii: "#") { pounds += 1 }
        return pounds > 0 && peek(pounds) == UInt8(ascii: "\"") ? pounds : nil
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                depth += 1
                advance(2)
            } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                depth -= 1
                advance(2)
            } else {
                advance()
            }
        } while depth > 0 && at < octets.count
    }

    private mutating func skipString(pounds: Int) {
        tokens.append(Token(text: "\"\"", line: line))
        advance(pounds)
        let isLong = peek(1) == UInt8(ascii: "\"") && peek(2) == UInt8(ascii: "\"")
        let quotes = isLong ? 3 : 1
        advance(quotes)
        while let octet = peek() {
            if octet == UInt8(ascii: "\\"), hasPounds(pounds, from: 1) {
                advance(1 + pounds)
                if peek() == UInt8(ascii: "(") {
                    advance()
                    scan(untilParenthesis: true)
                }
                advance()
            } else if hasQuotes(quotes), hasPounds(pounds, from: quotes) {
                advance(quotes + pounds)
                return
            } else if octet == UInt8(ascii: "\n"), !isLong {
                return
            } else {
                advance()
            }
        }
    }

    private func hasQuotes(_ count: Int) -> Bool {
        (0..<count).allSatisfy { peek($0) == UInt8(ascii: "\"") }
    }

    private func hasPounds(_ count: Int, from offset: Int) -> Bool {
        (0..<count).allSatisfy { peek(offset + $0) == UInt8(ascii: "#") }
    }

    private mutating func emit(_ text: String, octets count: Int) {
        tokens.append(Token(text: text, line: line))
        advance(count)
    }

    private func peek(_ offset: Int = 0) -> UInt8? {
        at + offset < octets.count ? octets[at + offset] : nil
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where at < octets.count {
            if octets[at] == UInt8(ascii: "\n") { line += 1 }
            at += 1
        }
    }

    private static func isWord(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"),
            UInt8(ascii: "`"), 0x80...0xff:
            true
        default:
            false
        }
    }
}
