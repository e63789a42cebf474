/// A JSON document as a value (RFC 8259): nothing is lost that a strict reader needs.
///
/// Numbers keep their text, so that no integer is rounded; objects keep the order of their members,
/// so that the same value always gives the same octets. A parsed object has no key twice.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// A whole number.
    package static func integer(_ value: some FixedWidthInteger) -> JSONValue {
        .number(JSONNumber(value))
    }

    /// An array of texts.
    package static func strings(_ texts: some Sequence<String>) -> JSONValue {
        .array(texts.map { .string($0) })
    }

    /// The text, or null for nil.
    package static func optional(_ text: String?) -> JSONValue {
        text.map { .string($0) } ?? .null
    }

    /// The value of `key` in an object; nil for an absent key and for anything but an object.
    ///
    /// Setting replaces the member in place or appends it; setting nil removes it. On anything but
    /// an object a set starts a new object.
    package subscript(key: String) -> JSONValue? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.key == key }?.value
        }
        set {
            var members: [JSONMember] = []
            if case .object(let present) = self { members = present }
            let index = members.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(JSONMember(key, value))
            case (nil, nil): break
            }
            self = .object(members)
        }
    }

    /// The text of a string value.
    package var stringValue: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The number of a whole number that fits.
    package var intValue: Int? {
        if case .number(let number) = self { number.int } else { nil }
    }

    /// The truth of a boolean value.
    package var boolValue: Bool? {
        if case .bool(let truth) = self { truth } else { nil }
    }

    /// The elements of an array.
    package var arrayValue: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members of an object, in order.
    package var objectValue: [JSONMember]? {
        if case .object(let members) = self { members } else { nil }
    }
}

/// One member of a JSON object.
package struct JSONMember: Sendable, Hashable {
    package var key: String
    package var value: JSONValue

    package init(_ key: String, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// A JSON number in the text it was written in: `1e3` and `1000` are different values here.
package struct JSONNumber: Sendable, Hashable {
    /// Text of the grammar of RFC 8259 §6.
    package let text: String

    package init(_ value: some FixedWidthInteger) {
        text = String(value)
    }

    /// Rounded to `decimals` (0-9) places after the point; not-a-number and infinities are 0.
    package init(_ value: Double, decimals: Int) {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard decimals > 0, let whole = Int64(exactly: scaled) else {
            text = Int64(exactly: value.rounded()).map { String($0) } ?? "0"
            return
        }
        let digits = String(whole.magnitude)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        text = (whole < 0 ? "-" : "") + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    init(trusted text: String) {
        self.text = text
    }

    /// The value when it is written as a whole number and fits.
    package var int: Int? { Int(text) }

    package var double: Double? { Double(text) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { JSONMember($0.0, $0.1) })
    }
    package init(nilLiteral: ()) { self = .null }
}

extension JSONValue: CustomStringConvertible {
    /// The document in UTF-8, without spaces, members in the order given.
    package var octets: [UInt8] {
        var out: [UInt8] = []
        write(into: &out)
        return out
    }

    /// The document as text, as in `octets`.
    package var description: String { String(decoding: octets, as: UTF8.self) }

    private func write(into out: inout [UInt8]) {
        switch self {
        case .null: out += "null".utf8
        case .bool(let truth): out += (truth ? "true" : "false").utf8
        case .number(let number): out += number.text.utf8
        case .string(let text): Self.write(text, into: &out)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                element.write(into: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                Self.write(member.key, into: &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(into: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, into out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "\""): out += "\\\"".utf8
            case UInt8(ascii: "\\"): out += "\\\\".utf8
            case 0x0a: out += "\\n".utf8
            case 0x0d: out += "\\r".utf8
            case 0x09: out += "\\t".utf8
            // DEL is legal JSON, but a document is also printed on terminals.
            case 0x00..<0x20, 0x7f:
                out += "\\u00".utf8
                out.append(Self.hexDigit(octet >> 4))
                out.append(Self.hexDigit(octet & 15))
            default: out.append(octet)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 48 + value : 87 + value
    }
}
