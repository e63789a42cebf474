import Base

/// Cuts zone text into entries: one record or directive each, as words.
///
/// It takes care of all that crosses fields, so that libldns only ever sees the data of one record
/// on one line: comments, parentheses over several lines, quotation marks, escapes, control
/// octets, limits. Source: RFC 1035 §5.1. Where libldns would guess, this refuses.
struct ZoneLexer {
    private let octets: [UInt8]
    private let file: String
    private var at = 0
    private var line = 1
    private var lineStart = 0
    /// Open parentheses of the entry being read; an entry ends with its line only at 0.
    private var depth = 0

    init(_ text: String, file: String) {
        octets = Array(text.utf8)
        self.file = file
    }

    /// The next entry, or nil at the end of the text.
    mutating func next() throws(ZoneTextError) -> ZoneEntry? {
        depth = 0
        var entry = ZoneEntry(line: line)
        while at < octets.count {
            switch octets[at] {
            case .lineFeed:
                newLine()
                if depth > 0 { continue }
                if !entry.words.isEmpty { return entry }
                entry = ZoneEntry(line: line)
            case .space, .tab, .carriageReturn:
                if at == lineStart && depth == 0 { entry.ownerOmitted = true }
                try advance()
            case UInt8(ascii: ";"):
                try skipComment()
            case UInt8(ascii: "("):
                depth += 1
                try advance()
            case UInt8(ascii: ")"):
                depth -= 1
                if depth < 0 { throw fault(.parenthesis) }
                try advance()
            default:
                if entry.words.isEmpty { entry.line = line }
                entry.take(try word())
                if entry.octetCount > ZoneText.recordOctetsMax {
                    throw fault(.recordOctets(limit: ZoneText.recordOctetsMax))
                }
            }
        }
        if depth > 0 { throw ZoneTextError(file: file, line: entry.line, reason: .parenthesis) }
        return entry.words.isEmpty ? nil : entry
    }

    private mutating func word() throws(ZoneTextError) -> ZoneWord {
        var word = ZoneWord()
        var quoted = false
        while at < octets.count {
            let octet = octets[at]
            if octet == .lineFeed || (!quoted && octet.endsWord) { break }
            // A string must be the whole word; only service parameters quote a part of it.
            if !quoted && word.quoting == .whole { word.quoting = .inside }
            switch octet {
            case UInt8(ascii: "\""):
                if !quoted { word.quoting = word.octets.isEmpty ? .whole : .inside }
                quoted.toggle()
                word.octets.append(octet)
                try advance()
            case UInt8(ascii: "\\"):
                try takeEscape(into: &word)
            case .tab, 0x20...0x7e:
                word.octets.append(octet)
                try advance()
            case 0x80...:
                // libldns hands octets to isdigit() and its kin as signed char: never past 127.
                word.appendEscaped(octet)
                try advance()
            default:
                throw fault(.controlOctet(octet))
            }
        }
        if quoted { throw fault(.quote) }
        return word
    }

    private mutating func takeEscape(into word: inout ZoneWord) throws(ZoneTextError) {
        try advance()
        guard at < octets.count, (0x20...0x7e).contains(octets[at]) else { throw fault(.escape) }
        guard octets[at].isDigit else {
            word.octets += [UInt8(ascii: "\\"), octets[at]]
            return try advance()
        }
        guard at + 3 <= octets.count, let value = decimal(octets[at..<(at + 3)]),
            let octet = UInt8(exactly: value)
        else { throw fault(.escape) }
        word.appendEscaped(octet)
        for _ in 0..<3 { try advance() }
    }

    private mutating func skipComment() throws(ZoneTextError) {
        while at < octets.count && octets[at] != .lineFeed { try advance() }
    }

    private mutating func advance() throws(ZoneTextError) {
        at += 1
        if at - lineStart > ZoneText.lineOctetsMax {
            throw fault(.lineOctets(limit: ZoneText.lineOctetsMax))
        }
    }

    private mutating func newLine() {
        at += 1
        line += 1
        lineStart = at
    }

    private func fault(_ reason: ZoneTextFault) -> ZoneTextError {
        ZoneTextError(file: file, line: line, reason: reason)
    }
}

/// The words of one record or directive.
struct ZoneEntry {
    /// The line of its first word, counted from 1.
    var line: Int
    /// Whether its line starts with a blank, so that the owner is the previous one.
    var ownerOmitted = false
    private(set) var words: [ZoneWord] = []
    /// Octets of all words with one blank after each.
    private(set) var octetCount = 0

    init(line: Int) {
        self.line = line
    }

    mutating func take(_ word: ZoneWord) {
        octetCount += word.octets.count + 1
        words.append(word)
    }
}

/// One word as libldns may read it: ASCII, escapes and quotation marks still in place.
struct ZoneWord {
    enum Quoting {
        case none
        /// The word starts and ends with its only two quotation marks.
        case whole
        /// Quotation marks elsewhere, as in `alpn="h2,h3"`.
        case inside
    }

    var octets: [UInt8] = []
    var quoting = Quoting.none

    var text: String { String(decoding: octets, as: UTF8.self) }

    mutating func appendEscaped(_ octet: UInt8) {
        octets.append(UInt8(ascii: "\\"))
        octets += [octet / 100, octet / 10 % 10, octet % 10].map { UInt8(ascii: "0") + $0 }
    }
}

extension UInt8 {
    static let tab: UInt8 = 9
    static let lineFeed: UInt8 = 10
    static let carriageReturn: UInt8 = 13
    static let space: UInt8 = 32

    var isDigit: Bool { (48...57).contains(self) }

    /// A digit of RFC 4648's base32hex: 0-9, A-V in either case.
    var isBase32: Bool { isDigit || (97...118).contains(foldedLetter) }

    fileprivate var endsWord: Bool {
        switch self {
        case .space, .tab, .carriageReturn, UInt8(ascii: ";"), UInt8(ascii: "("),
            UInt8(ascii: ")"):
            true
        default: false
        }
    }
}

/// The value of plain decimal digits, or nil when there is anything else or more than 32 bits.
func decimal(_ digits: some Sequence<UInt8>) -> UInt32? {
    var value: UInt64?
    for digit in digits {
        guard digit.isDigit else { return nil }
        let next = (value ?? 0) * 10 + UInt64(digit - 48)
        if next > UInt64(UInt32.max) { return nil }
        value = next
    }
    return value.map { UInt32($0) }
}

/// Seconds from `3600`, `1h` or `1h30m` (units s, m, h, d, w); nil when it is not such a duration
/// or over 2^31-1, the longest TTL (RFC 2181 §8).
func seconds(_ octets: [UInt8]) -> UInt32? {
    var total: UInt64 = 0
    var digits: [UInt8] = []
    for octet in octets {
        if octet.isDigit {
            digits.append(octet)
            continue
        }
        guard let count = decimal(digits), let unit = secondsPerUnit(octet) else { return nil }
        total += UInt64(count) * unit
        if total > UInt64(Int32.max) { return nil }
        digits = []
    }
    if octets.last?.isDigit == true {
        guard let count = decimal(digits) else { return nil }
        total += UInt64(count)
    }
    return octets.isEmpty || total > UInt64(Int32.max) ? nil : UInt32(total)
}

private func secondsPerUnit(_ letter: UInt8) -> UInt64? {
    switch letter.foldedLetter {
    case UInt8(ascii: "s"): 1
    case UInt8(ascii: "m"): 60
    case UInt8(ascii: "h"): 3_600
    case UInt8(ascii: "d"): 86_400
    case UInt8(ascii: "w"): 604_800
    default: nil
    }
}
