/// What a JSON document may cost.
package struct JSONLimits: Sendable, Hashable {
    /// Octets of the whole document.
    package var octetsMax: Int
    /// Arrays and objects inside one another.
    package var depthMax: Int
    /// Values of every kind together; bounds memory, since `[]` costs more than its two octets.
    package var valueCountMax: Int

    package init(octetsMax: Int, depthMax: Int = 32, valueCountMax: Int = 4_000_000) {
        self.octetsMax = octetsMax
        self.depthMax = depthMax
        self.valueCountMax = valueCountMax
    }

    /// For configuration files: 16 MiB.
    package static let document = JSONLimits(octetsMax: 16 << 20)
}

extension JSONValue {
    /// Reads one JSON document (RFC 8259): no comments, no trailing comma, no key twice, no
    /// byte-order mark.
    ///
    /// Throws: `JSONError` with the place of the first octet that breaks a rule or a limit.
    package init(parsing octets: [UInt8], limits: JSONLimits = .document) throws(JSONError) {
        var parser = JSONParser(octets: octets, limits: limits)
        self = try parser.document()
    }

    package init(parsing text: String, limits: JSONLimits = .document) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// Recursive descent over the octets; the depth limit bounds the stack.
private struct JSONParser {
    private static let numberOctetsMax = 64
    /// Up to this many members a linear search for a duplicate is cheaper than a set.
    private static let linearSearchMax = 16

    let octets: [UInt8]
    let limits: JSONLimits
    private var at = 0
    private var depth = 0
    private var values = 0

    init(octets: [UInt8], limits: JSONLimits) {
        self.octets = octets
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        if octets.count > limits.octetsMax {
            throw error(.tooLarge(octets: octets.count, limit: limits.octetsMax))
        }
        let value = try value()
        skipSpace()
        if at < octets.count {
            throw error(.unexpected(octet: octets[at], wanted: "the end of the document"))
        }
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        values += 1
        if values > limits.valueCountMax {
            throw error(.tooManyValues(limit: limits.valueCountMax))
        }
        let first = try peek()
        switch first {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw error(.unexpected(octet: first, wanted: "a value"))
        }
    }

    private mutating func object() throws(JSONError) -> JSONValue {
        try descend()
        var members: [JSONMember] = []
        var seen: Set<String> = []
        skipSpace()
        if try take(UInt8(ascii: "}")) { return ascend(.object([])) }
        while true {
            skipSpace()
            let keyStart = at
            guard try peek() == UInt8(ascii: "\"") else {
                throw error(.unexpected(octet: try peek(), wanted: "a key in quotes"))
            }
            let key = try string()
            let known =
                seen.isEmpty ? members.contains { $0.key == key } : !seen.insert(key).inserted
            if known { throw error(.duplicateKey(key), at: keyStart) }
            skipSpace()
            guard try take(UInt8(ascii: ":")) else {
                throw error(.unexpected(octet: try peek(), wanted: "':'"))
            }
            members.append(JSONMember(key, try value()))
            if members.count == Self.linearSearchMax { seen = Set(members.map { $0.key }) }
            skipSpace()
            if try take(UInt8(ascii: "}")) { return ascend(.object(members)) }
            guard try take(UInt8(ascii: ",")) else {
                throw error(.unexpected(octet: try peek(), wanted: "',' or '}'"))
            }
        }
    }

    private mutating func array() throws(JSONError) -> JSONValue {
        try descend()
        var elements: [JSONValue] = []
        skipSpace()
        if try take(UInt8(ascii: "]")) { return ascend(.array([])) }
        while true {
            elements.append(try value())
            skipSpace()
            if try take(UInt8(ascii: "]")) { return ascend(.array(elements)) }
            guard try take(UInt8(ascii: ",")) else {
                throw error(.unexpected(octet: try peek(), wanted: "',' or ']'"))
            }
        }
    }

    /// The text from an opening quote on, past the closing one.
    private mutating func string() throws(JSONError) -> String {
        at += 1
        let start = at
        var unescaped: [UInt8] = []
        var copied = start
        while true {
            let octet = try peek()
            switch octet {
            case UInt8(ascii: "\""):
                let tail = octets[copied..<at]
                let text =
                    copied == start
                    ? String(validating: tail, as: UTF8.self)
                    : String(validating: unescaped + tail, as: UTF8.self)
                guard let text else { throw error(.badUTF8, at: start) }
                at += 1
                return text
            case UInt8(ascii: "\\"):
                unescaped += octets[copied..<at]
                unescaped += Array(String(try escape()).utf8)
                copied = at
            case 0..<0x20: throw error(.control(octet: octet))
            default: at += 1
            }
        }
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let start = at
        at += 1
        let kind = try peek()
        at += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UnicodeScalar(kind)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw error(.badEscape, at: start)
        }
        let unit = try hexUnit(start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        // Only a high surrogate followed by a low one makes a character.
        guard unit < 0xdc00, at + 1 < octets.count, octets[at] == UInt8(ascii: "\\"),
            octets[at + 1] == UInt8(ascii: "u")
        else { throw error(.badEscape, at: start) }
        at += 2
        let low = try hexUnit(start)
        guard (0xdc00...0xdfff).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
        else { throw error(.badEscape, at: start) }
        return scalar
    }

    private mutating func hexUnit(_ start: Int) throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            let octet = try peek()
            guard let digit = Character(UnicodeScalar(octet)).hexDigitValue else {
                throw error(.badEscape, at: start)
            }
            unit = unit << 4 | UInt32(digit)
            at += 1
        }
        return unit
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = at
        if octets[at] == UInt8(ascii: "-") { at += 1 }
        let whole = digits()
        var good = whole == 1 || whole > 1 && octets[at - whole] != UInt8(ascii: "0")
        if at < octets.count, octets[at] == UInt8(ascii: ".") {
            at += 1
            good = digits() > 0 && good
        }
        if at < octets.count, octets[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < octets.count, octets[at] == UInt8(ascii: "+") || octets[at] == UInt8(ascii: "-")
            {
                at += 1
            }
            good = digits() > 0 && good
        }
        guard good, at - start <= Self.numberOctetsMax else { throw error(.badNumber, at: start) }
        return .number(JSONNumber(trusted: String(decoding: octets[start..<at], as: UTF8.self)))
    }

    private mutating func digits() -> Int {
        let start = at
        while at < octets.count, (48...57).contains(octets[at]) { at += 1 }
        return at - start
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let start = at
        for wanted in word.utf8 {
            let found = try peek()
            guard found == wanted else {
                throw error(.unexpected(octet: octets[start], wanted: "a value"), at: start)
            }
            at += 1
        }
        return value
    }

    private mutating func descend() throws(JSONError) {
        depth += 1
        if depth > limits.depthMax { throw error(.tooDeep(limit: limits.depthMax)) }
        at += 1
    }

    private mutating func ascend(_ value: JSONValue) -> JSONValue {
        depth -= 1
        return value
    }

    private func peek() throws(JSONError) -> UInt8 {
        if at >= octets.count { throw error(.ended) }
        return octets[at]
    }

    private mutating func take(_ octet: UInt8) throws(JSONError) -> Bool {
        guard try peek() == octet else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < octets.count {
            switch octets[at] {
            case 0x20, 0x09, 0x0a, 0x0d: at += 1
            default: return
            }
        }
    }

    private func error(_ reason: JSONError.Reason, at place: Int? = nil) -> JSONError {
        var line = 1
        var column = 1
        for octet in octets.prefix(place ?? at) {
            if octet == 0x0a {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return JSONError(reason: reason, line: line, column: column)
    }
}
