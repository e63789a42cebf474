/// What may be the name of an endpoint, service, alias, network or sandbox.
///
/// Labels of letters, digits, '-' and '_', joined by dots, so that every name is a DNS name and
/// fits into a path of the API without escapes.
package enum NameRule {
    /// Octets of a whole name: RFC 1035 §2.3.4 without the root label.
    package static let nameOctetsMax = 253
    /// Octets of one label: RFC 1035 §2.3.4.
    package static let labelOctetsMax = 63
    /// Octets of an identifier; the longest in use has 64.
    package static let idOctetsMax = 128
    /// Digits of a container's identifier: the short form and the whole SHA-256.
    package static let containerDigits = 12...64

    /// The rule for names in the words of an error message.
    package static let nameWanted =
        "1 to 253 letters, digits, '-', '_', with dots between labels of at most 63"
    /// The rule for identifiers in the words of an error message.
    package static let idWanted = "1 to 128 letters, digits, '-', '_', '.'"
    /// The rule for container identifiers in the words of an error message.
    package static let containerWanted = "12 to 64 hexadecimal digits"

    /// Whether `text` may name a thing.
    package static func isName(_ text: String) -> Bool {
        guard (1...nameOctetsMax).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .allSatisfy { isLabel($0) }
    }

    /// Whether `octets` may stand between two dots of a name.
    package static func isLabel(_ octets: some Collection<UInt8>) -> Bool {
        (1...labelOctetsMax).contains(octets.count) && octets.allSatisfy { isNameOctet($0) }
    }

    /// Whether `text` may identify an endpoint or a service.
    package static func isID(_ text: String) -> Bool {
        (1...idOctetsMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { isNameOctet($0) || $0 == UInt8(ascii: ".") }
    }

    /// Whether `text` is a container's identifier.
    package static func isContainerID(_ text: String) -> Bool {
        containerDigits.contains(text.utf8.count)
            && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0 | 0x20) }
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension ObjectReader {
    /// Elements of a list in a request; more is a mistake of the caller.
    package static let listCountMax = 256

    /// A name by `NameRule`.
    ///
    /// Throws: `FieldError` when the value is none.
    package mutating func name(_ key: String) throws(FieldError) -> String? {
        try parsed(key, as: NameRule.nameWanted) { NameRule.isName($0) ? $0 : nil }
    }

    /// Throws: `FieldError` when the key is absent or its value is no name.
    package mutating func requiredName(_ key: String) throws(FieldError) -> String {
        guard let name = try name(key) else {
            throw missing(key, allowed: NameRule.nameWanted)
        }
        return name
    }

    /// An identifier by `NameRule`.
    ///
    /// Throws: `FieldError` when the value is none.
    package mutating func id(_ key: String) throws(FieldError) -> String? {
        try parsed(key, as: NameRule.idWanted) { NameRule.isID($0) ? $0 : nil }
    }

    /// An absolute path.
    ///
    /// Throws: `FieldError` when the value is none.
    package mutating func absolutePath(_ key: String) throws(FieldError) -> String? {
        try parsed(key, as: "an absolute path of at most 4095 octets") {
            $0.hasPrefix("/") && $0.utf8.count < 4096 && !$0.utf8.contains(0) ? $0 : nil
        }
    }

    /// A list under `key` or its plural, each element a text that `parse` understands; empty when
    /// absent.
    ///
    /// A single text counts as a list of one.
    ///
    /// Throws: `FieldError` naming the element that is wrong, that stands twice, or that is one
    /// too many.
    package mutating func list<Element: Hashable>(
        _ key: String,
        plural: String? = nil,
        as wanted: String,
        _ parse: (String) -> Element?
    ) throws(FieldError) -> [Element] {
        let texts = try strings(key, plural: plural) ?? []
        var key = key
        if let plural, value(plural) != nil { key = plural }
        var elements: [Element] = []
        var seen: Set<Element> = []
        for (index, text) in texts.enumerated() {
            let place = "\(path(of: key))[\(index)]"
            let found = JSONValue.string(text).shown
            guard let element = parse(text) else {
                throw FieldError(path: place, .wrong(found: found, allowed: wanted))
            }
            guard seen.insert(element).inserted else {
                throw FieldError(
                    path: place,
                    .wrong(found: "\(found) again", allowed: "each one once")
                )
            }
            guard index < Self.listCountMax else {
                throw FieldError(
                    path: path(of: key),
                    .wrong(
                        found: "\(texts.count) elements",
                        allowed: "a list of at most \(Self.listCountMax)"
                    )
                )
            }
            elements.append(element)
        }
        return elements
    }
}
