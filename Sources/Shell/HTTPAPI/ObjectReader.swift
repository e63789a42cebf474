/// Why a value in a JSON document cannot be used, and where it stands.
package struct FieldError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with the value.
    package enum Problem: Hashable, Sendable {
        case missing(allowed: String)
        case wrong(found: String, allowed: String)
        case unknownKey(allowed: [String])
        /// Two keys of which only one may be given.
        case conflict(with: String)
    }

    /// Keys joined by dots, positions in brackets: `dns.ttl.task`, `endpoints[3].ip`; empty for
    /// the whole document.
    package let path: String
    package let problem: Problem

    package init(path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    /// `dns.ttl.task: found "x"; allowed is a whole number from 0 to 86400`.
    package var description: String {
        let place = path.isEmpty ? "the document" : path.onOneLine
        switch problem {
        case .missing(let allowed): return "\(place): missing; allowed is \(allowed)"
        case .wrong(let found, let allowed):
            return "\(place): found \(found); allowed is \(allowed)"
        case .unknownKey(let allowed) where allowed.isEmpty:
            return "\(place): unknown key; no key is allowed here"
        case .unknownKey(let allowed):
            return "\(place): unknown key; allowed are \(allowed.joined(separator: ", "))"
        case .conflict(let other): return "\(place): cannot stand beside \(other); give one of them"
        }
    }
}

/// Reads the members of one JSON object by key and, in `finish()`, refuses those nobody asked for.
///
/// Every reading method remembers its key as an allowed one, so a reader asks for all its keys,
/// wanted or not, before it calls `finish()`. An absent key reads as nil; null is a value of the
/// wrong type unless `isNull` is asked first.
package struct ObjectReader: Sendable {
    /// Where the object stands in its document; empty at the top.
    package let path: String
    private let members: [JSONMember]
    private var asked: [String] = []

    /// Throws: `FieldError` when `value` is no object.
    package init(_ value: JSONValue, path: String = "") throws(FieldError) {
        guard case .object(let members) = value else {
            throw FieldError(path: path, .wrong(found: value.shown, allowed: "an object"))
        }
        self.members = members
        self.path = path
    }

    /// The object's keys in order.
    package var keys: [String] { members.map { $0.key } }

    /// The path of one of the object's keys.
    package func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The value of `key`, whatever it is; nil when absent.
    package mutating func value(_ key: String) -> JSONValue? {
        if !asked.contains(key) { asked.append(key) }
        return members.first { $0.key == key }?.value
    }

    /// Whether the key is there and null.
    package mutating func isNull(_ key: String) -> Bool { value(key) == .null }

    /// Throws: `FieldError` when the value is no text.
    package mutating func string(_ key: String) throws(FieldError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value else { throw wrong(key, value, "a text") }
        return text
    }

    /// Throws: `FieldError` when the value is no text or not one of `choices`.
    package mutating func choice(_ key: String, of choices: [String]) throws(FieldError) -> String?
    {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value, choices.contains(text) else {
            throw wrong(key, value, "one of \(choices.joined(separator: ", "))")
        }
        return text
    }

    /// Throws: `FieldError` when the value is no whole number or out of range.
    package mutating func int(
        _ key: String,
        in range: ClosedRange<Int>
    ) throws(FieldError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let int = value.intValue, range.contains(int) else {
            let wanted = "a whole number from \(range.lowerBound) to \(range.upperBound)"
            throw wrong(key, value, wanted)
        }
        return int
    }

    /// Throws: `FieldError` when the value is neither true nor false.
    package mutating func bool(_ key: String) throws(FieldError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .bool(let truth) = value else { throw wrong(key, value, "true or false") }
        return truth
    }

    /// Texts; a single text counts as a list of one.
    ///
    /// With `plural` either spelling of the key is read.
    ///
    /// Throws: `FieldError` when an element is no text, or when both spellings are given.
    package mutating func strings(
        _ key: String,
        plural: String? = nil
    ) throws(FieldError) -> [String]? {
        var key = key
        if let plural, value(plural) != nil {
            if value(key) != nil {
                throw FieldError(path: path(of: plural), .conflict(with: path(of: key)))
            }
            key = plural
        }
        guard let value = value(key) else { return nil }
        if case .string(let text) = value { return [text] }
        guard case .array(let elements) = value else { throw wrong(key, value, "a list of texts") }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else {
                throw FieldError(
                    path: "\(path(of: key))[\(index)]",
                    .wrong(found: element.shown, allowed: "a text")
                )
            }
            texts.append(text)
        }
        return texts
    }

    /// A reader of the object under `key`.
    ///
    /// Throws: `FieldError` when it is no object.
    package mutating func object(_ key: String) throws(FieldError) -> ObjectReader? {
        guard let value = value(key) else { return nil }
        return try ObjectReader(value, path: path(of: key))
    }

    /// The elements of the list under `key`, each with its path.
    ///
    /// Throws: `FieldError` when the value is no list.
    package mutating func list(
        _ key: String
    ) throws(FieldError) -> [(value: JSONValue, path: String)]? {
        guard let value = value(key) else { return nil }
        guard case .array(let elements) = value else { throw wrong(key, value, "a list") }
        return elements.enumerated().map { ($0.element, "\(path(of: key))[\($0.offset)]") }
    }

    /// A text that `parse` understands.
    ///
    /// `wanted` says what that is: "an IPv4 address".
    ///
    /// Throws: `FieldError` when the value is no text or `parse` gives nil.
    package mutating func parsed<Parsed>(
        _ key: String,
        as wanted: String,
        _ parse: (String) -> Parsed?
    ) throws(FieldError) -> Parsed? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value, let parsed = parse(text) else {
            throw wrong(key, value, wanted)
        }
        return parsed
    }

    /// The error that says that `key` has to be there.
    package func missing(_ key: String, allowed: String) -> FieldError {
        FieldError(path: path(of: key), .missing(allowed: allowed))
    }

    /// The error that says that the value of `key` is not `allowed`.
    package func wrong(_ key: String, _ found: JSONValue, _ allowed: String) -> FieldError {
        FieldError(path: path(of: key), .wrong(found: found.shown, allowed: allowed))
    }

    /// Throws: `FieldError` naming the first key that was never asked for, and those that were.
    package func finish() throws(FieldError) {
        for member in members where !asked.contains(member.key) {
            throw FieldError(path: path(of: member.key), .unknownKey(allowed: asked))
        }
    }
}

extension JSONValue {
    /// The value in an error message: scalars as written and cut after 60 characters, the rest by
    /// its kind.
    package var shown: String {
        switch self {
        case .array: return "a list"
        case .object: return "an object"
        default:
            let text = description
            return text.count <= 60 ? text : text.prefix(60) + "…"
        }
    }
}
