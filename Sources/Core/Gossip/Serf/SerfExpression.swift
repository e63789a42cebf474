/// A regular expression of a query's filter, as far as tags need one.
///
/// Knows octets, `.`, classes, groups, `|`, `*`, `+`, `?`, `{m,n}`, `^`, `$`, and `\d \w \s`; no
/// look-around, no flags, no word boundaries. It goes through all ways at once, so the time is bounded by
/// the length of the expression times that of the value, whatever a stranger writes.
/// Source: gossip-wire.md §18.3; Thompson, "Regular Expression Search Algorithm", CACM 11(6), 1968.
package struct SerfExpression: Sendable {
    /// The longest expression, in octets: a tag's value has no more.
    package static let octetsMax = 512
    /// Steps of a compiled expression.
    private static let stepsMax = 2048
    /// Groups within groups.
    private static let depthMax = 16

    /// Where a way goes on, counted from the step itself.
    private enum Step: Hashable, Sendable {
        case octet(Set256)
        case either(Int, Int)
        case jump(Int)
        case atStart
        case atEnd
    }

    private var steps: [Step] = []

    /// nil for what is no expression, or one beyond what is known here.
    package init?(_ text: [UInt8]) {
        guard text.count <= Self.octetsMax else { return nil }
        var parser = Parser(text: text)
        guard let steps = parser.alternatives(depth: 0), parser.isAtEnd else { return nil }
        self.steps = steps
    }

    /// Whether it is found anywhere in `value`.
    package func matches(_ value: [UInt8]) -> Bool {
        var ways: [Int] = []
        for place in 0...value.count {
            // A match may begin at every place.
            ways.append(0)
            let open = reach(ways, isStart: place == 0, isEnd: place == value.count)
            if open.contains(steps.count) { return true }
            guard place < value.count else { return false }
            ways = open.filter { way in
                if case .octet(let set) = steps[way] { set.contains(value[place]) } else { false }
            }.map { $0 + 1 }
        }
        return false
    }

    /// The steps that wait for an octet, or the end of the expression.
    private func reach(_ ways: [Int], isStart: Bool, isEnd: Bool) -> [Int] {
        var seen = [Bool](repeating: false, count: steps.count + 1)
        var waiting: [Int] = []
        var left = ways
        while let way = left.popLast() {
            if seen[way] { continue }
            seen[way] = true
            guard way < steps.count else {
                waiting.append(way)
                continue
            }
            switch steps[way] {
            case .octet: waiting.append(way)
            case .either(let first, let second): left += [way + first, way + second]
            case .jump(let distance): left.append(way + distance)
            case .atStart: if isStart { left.append(way + 1) }
            case .atEnd: if isEnd { left.append(way + 1) }
            }
        }
        return waiting
    }

    // MARK: Reading

    private struct Parser {
        let text: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == text.count }

        private mutating func take(_ letter: Character) -> Bool {
            guard at < text.count, text[at] == letter.asciiValue else { return false }
            at += 1
            return true
        }

        mutating func alternatives(depth: Int) -> [Step]? {
            guard depth < depthMax, var steps = sequence(depth: depth) else { return nil }
            while take("|") {
                guard let other = sequence(depth: depth) else { return nil }
                steps =
                    [.either(1, steps.count + 2)] + steps + [.jump(other.count + 1)] + other
                guard steps.count <= stepsMax else { return nil }
            }
            return steps
        }

        private mutating func sequence(depth: Int) -> [Step]? {
            var steps: [Step] = []
            while at < text.count, text[at] != UInt8(ascii: "|"), text[at] != UInt8(ascii: ")") {
                guard let atom = atom(depth: depth), let part = repeated(atom) else { return nil }
                steps += part
                guard steps.count <= stepsMax else { return nil }
            }
            return steps
        }

        private mutating func atom(depth: Int) -> [Step]? {
            if take("(") {
                if take("?"), !take(":") { return nil }
                guard let steps = alternatives(depth: depth + 1), take(")") else { return nil }
                return steps
            }
            if take("^") { return [.atStart] }
            if take("$") { return [.atEnd] }
            if take(".") { return [.octet(Set256([UInt8(ascii: "\n")]).inverted)] }
            if take("[") { return bracket().map { [.octet($0)] } }
            if take("\\") { return escape().map { [.octet($0)] } }
            if "*+?{}])".utf8.contains(text[at]) { return nil }
            at += 1
            return [.octet(Set256([text[at - 1]]))]
        }

        private mutating func repeated(_ atom: [Step]) -> [Step]? {
            let count = atom.count
            var steps = atom
            if take("*") {
                steps = Self.anyNumber(of: atom)
            } else if take("+") {
                steps = atom + [.either(-count, 1)]
            } else if take("?") {
                steps = [.either(1, count + 1)] + atom
            } else if take("{") {
                guard let counted = counted(atom) else { return nil }
                steps = counted
            } else {
                return steps
            }
            // Whether as few or as many as can be are taken makes no difference here.
            _ = take("?")
            return at < text.count && "*+?{".utf8.contains(text[at]) ? nil : steps
        }

        private static func anyNumber(of atom: [Step]) -> [Step] {
            [.either(1, atom.count + 2)] + atom + [.jump(-(atom.count + 1))]
        }

        private mutating func counted(_ atom: [Step]) -> [Step]? {
            guard let least = number() else { return nil }
            var most: Int? = least
            if take(",") { most = number() }
            guard take("}"), most ?? least >= least, (most ?? least) * atom.count <= stepsMax
            else { return nil }
            var steps: [Step] = []
            for _ in 0..<least { steps += atom }
            guard let most else { return steps + Self.anyNumber(of: atom) }
            for _ in least..<most { steps += [.either(1, atom.count + 1)] + atom }
            return steps
        }

        private mutating func number() -> Int? {
            var value: Int?
            while at < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[at]) {
                value = min((value ?? 0) * 10 + Int(text[at] - UInt8(ascii: "0")), stepsMax + 1)
                at += 1
            }
            return value
        }

        private mutating func bracket() -> Set256? {
            let isInverted = take("^")
            var set = Set256([])
            var isFirst = true
            while at < text.count, isFirst || text[at] != UInt8(ascii: "]") {
                isFirst = false
                guard let low = member() else { return nil }
                let isRange =
                    at + 1 < text.count && text[at] == UInt8(ascii: "-")
                    && text[at + 1] != UInt8(ascii: "]")
                guard isRange, let from = low.only else {
                    set.formUnion(low)
                    continue
                }
                at += 1
                guard let to = member()?.only, from <= to else { return nil }
                for octet in from...to { set.insert(octet) }
            }
            guard take("]") else { return nil }
            return isInverted ? set.inverted : set
        }

        private mutating func member() -> Set256? {
            if take("\\") { return escape() }
            // `[:alpha:]` and its like are beyond us.
            if text[at] == UInt8(ascii: "["), at + 1 < text.count, text[at + 1] == UInt8(ascii: ":")
            {
                return nil
            }
            at += 1
            return Set256([text[at - 1]])
        }

        private mutating func escape() -> Set256? {
            guard at < text.count else { return nil }
            let letter = text[at]
            at += 1
            switch Character(UnicodeScalar(letter)) {
            case "d": return .digits
            case "D": return Set256.digits.inverted
            case "w": return .letters
            case "W": return Set256.letters.inverted
            case "s": return .spaces
            case "S": return Set256.spaces.inverted
            case "n": return Set256([10])
            case "t": return Set256([9])
            case "r": return Set256([13])
            case let other where other.isLetter || other.isNumber: return nil
            default: return Set256([letter])
            }
        }
    }
}

/// A set of octets, a bit for each.
private struct Set256: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    static let digits = Set256(UInt8(ascii: "0")...UInt8(ascii: "9"))
    static let letters = Set256(
        Array(UInt8(ascii: "a")...UInt8(ascii: "z")) + Array(UInt8(ascii: "A")...UInt8(ascii: "Z"))
            + Array(UInt8(ascii: "0")...UInt8(ascii: "9")) + [UInt8(ascii: "_")]
    )
    static let spaces = Set256([9, 10, 12, 13, 32])

    init(_ octets: some Sequence<UInt8>) {
        for octet in octets { insert(octet) }
    }

    mutating func insert(_ octet: UInt8) {
        let bit: UInt64 = 1 << UInt64(octet & 63)
        switch octet >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    func contains(_ octet: UInt8) -> Bool {
        let word =
            switch octet >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word >> UInt64(octet & 63) & 1 == 1
    }

    mutating func formUnion(_ other: Set256) {
        words.0 |= other.words.0
        words.1 |= other.words.1
        words.2 |= other.words.2
        words.3 |= other.words.3
    }

    var inverted: Set256 {
        var set = self
        set.words = (~words.0, ~words.1, ~words.2, ~words.3)
        return set
    }

    /// The one octet in it; nil when there are more or none.
    var only: UInt8? {
        var found: UInt8?
        for octet in UInt8.min...UInt8.max where contains(octet) {
            if found != nil { return nil }
            found = octet
        }
        return found
    }

    static func == (left: Set256, right: Set256) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
