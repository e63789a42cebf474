/// A recorded run: directives, each with what it printed.
///
/// Lines that begin with `#` and blank lines between directives are comments. A directive is a word and its
/// arguments, then lines of input, then `----`, then what was printed up to a blank line, or between two
/// pairs of `----`. Source: raft.md §4.1.
package struct TraceFile: Sendable {
    package struct Directive: Sendable {
        package let line: Int
        /// As it stands in the file, with its input.
        package let spelling: String
        package let command: String
        package let arguments: [Argument]
        package let input: [String]
        package let expected: [String]
    }

    /// `key`, `key=value` or `key=(value, ...)`.
    package struct Argument: Sendable {
        package let key: String
        package let values: [String]
    }

    /// A file that cannot be read as a recorded run.
    package struct Malformed: Error, CustomStringConvertible {
        let line: Int
        let what: String

        package var description: String { "line \(line): \(what)" }
    }

    package private(set) var directives: [Directive] = []

    package init(_ text: String) throws(Malformed) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        var at = 0
        while at < lines.count {
            if lines[at].isEmpty || lines[at].hasPrefix("#") {
                at += 1
                continue
            }
            directives.append(try Self.directive(lines, &at))
        }
    }

    private static func directive(
        _ lines: [String],
        _ at: inout Int
    ) throws(Malformed) -> Directive {
        let start = at
        var words = lines[at]
        while words.hasSuffix("\\"), at + 1 < lines.count {
            at += 1
            words = words.dropLast() + lines[at]
        }
        at += 1
        var input: [String] = []
        while at < lines.count, lines[at] != "----" {
            input.append(lines[at])
            at += 1
        }
        guard at < lines.count else { throw Malformed(line: start + 1, what: "no '----' follows") }
        at += 1
        var expected: [String] = []
        let isFenced = at < lines.count && lines[at] == "----"
        if isFenced { at += 1 }
        while at < lines.count {
            let isEnd =
                isFenced
                ? lines[at] == "----" && at + 1 < lines.count && lines[at + 1] == "----"
                : lines[at].isEmpty
            if isEnd { break }
            expected.append(lines[at])
            at += 1
        }
        at += isFenced ? 2 : 0
        let (command, arguments) = try parse(words, line: start + 1)
        return Directive(
            line: start + 1,
            spelling: ([words] + input).joined(separator: "\n"),
            command: command,
            arguments: arguments,
            input: input.filter { !$0.isEmpty },
            expected: expected
        )
    }

    private static func parse(
        _ words: String,
        line: Int
    ) throws(Malformed) -> (String, [Argument]) {
        var arguments: [Argument] = []
        var rest = Substring(words)
        while let start = rest.firstIndex(where: { $0 != " " }) {
            rest = rest[start...]
            let key = rest.prefix { $0 != " " && $0 != "=" }
            rest = rest[key.endIndex...]
            guard rest.first == "=" else {
                arguments.append(Argument(key: String(key), values: []))
                continue
            }
            rest = rest.dropFirst()
            if rest.first == "(" {
                guard let end = rest.firstIndex(of: ")") else {
                    throw Malformed(line: line, what: "a '(' is not closed")
                }
                let list = rest[rest.index(after: rest.startIndex)..<end]
                let values = list.split(separator: ",").map { $0.filter { $0 != " " } }
                arguments.append(Argument(key: String(key), values: values))
                rest = rest[rest.index(after: end)...]
            } else {
                let value = rest.prefix { $0 != " " }
                arguments.append(Argument(key: String(key), values: [String(value)]))
                rest = rest[value.endIndex...]
            }
        }
        guard let first = arguments.first else { throw Malformed(line: line, what: "no command") }
        return (first.key, Array(arguments.dropFirst()))
    }
}

extension TraceFile.Directive {
    /// The arguments without a value.
    var words: [String] { arguments.filter(\.values.isEmpty).map(\.key) }

    /// The values of an argument; nil when it is not there.
    func values(_ key: String) -> [String]? { arguments.first { $0.key == key }?.values }

    func value(_ key: String) -> String? { values(key)?.first }
}
