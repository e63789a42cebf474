/// Why octets are not an acceptable JSON document, and where.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Reason: Hashable, Sendable {
        case tooLarge(octets: Int, limit: Int)
        case tooDeep(limit: Int)
        case tooManyValues(limit: Int)
        case ended
        /// The octet that cannot stand here, and what can.
        case unexpected(octet: UInt8, wanted: String)
        case duplicateKey(String)
        case badEscape
        case badNumber
        case badUTF8
        /// An octet below 0x20 inside a string.
        case control(octet: UInt8)
    }

    package let reason: Reason
    /// From 1.
    package let line: Int
    /// Octets from the start of the line, from 1.
    package let column: Int

    package var description: String { "line \(line), column \(column): \(reason.text)" }
}

extension JSONError.Reason {
    fileprivate var text: String {
        switch self {
        case .tooLarge(let octets, let limit):
            "the document has \(octets) octets, allowed are \(limit)"
        case .tooDeep(let limit): "nested deeper than \(limit) levels"
        case .tooManyValues(let limit): "more than \(limit) values"
        case .ended: "the document ends too early"
        case .unexpected(let octet, let wanted):
            "found \(JSONError.shown(octet)), wanted \(wanted)"
        case .duplicateKey(let key): "the key \"\(key.onOneLine)\" stands twice in one object"
        case .badEscape: "a backslash starts no JSON escape"
        case .badNumber: "this is no JSON number"
        case .badUTF8: "the text is not UTF-8"
        case .control(let octet):
            "control character \(JSONError.shown(octet)) in a text; write it as an escape"
        }
    }
}

extension String {
    /// The text with its control characters as JSON writes them: an error is one line, whatever
    /// keys a document has.
    var onOneLine: String { String(JSONValue.string(self).description.dropFirst().dropLast()) }
}

extension JSONError {
    fileprivate static func shown(_ octet: UInt8) -> String {
        if (0x21...0x7e).contains(octet) { return "'\(UnicodeScalar(octet))'" }
        let digits = String(octet, radix: 16)
        return "octet 0x" + (digits.count < 2 ? "0" : "") + digits
    }
}
