/// What a document says: whole numbers, words, and lists of these under names, in a fixed order.
package enum Figure: Sendable {
    case number(UInt64)
    case text(String)
    case group([(String, Figure)])
    case list([Figure])

    /// The figure as JSON, the same octets for the same figure.
    package var json: String {
        switch self {
        case .number(let number): String(number)
        case .text(let text): Self.quoted(text)
        case .group(let members):
            "{" + members.map { "\(Self.quoted($0.0)): \($0.1.json)" }.joined(separator: ", ") + "}"
        case .list(let elements): "[" + elements.map(\.json).joined(separator: ", ") + "]"
        }
    }

    /// What a group has under `name`.
    package subscript(name: String) -> Figure? {
        guard case .group(let members) = self else { return nil }
        return members.first { $0.0 == name }?.1
    }

    package var number: UInt64? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
