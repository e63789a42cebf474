import Foundation
import Testing

/// A question and what every resolver has to make of it.
struct Question: Sendable {
    enum Kind: String, Sendable {
        case a = "A"
        case aaaa = "AAAA"
        case ptr = "PTR"
        case srv = "SRV"
    }

    let what: String
    let name: String
    let kind: Kind
    let code: String
    let data: Set<String>

    init(_ what: String, _ name: String, _ kind: Kind, _ data: Set<String>) {
        self.what = what
        self.name = name
        self.kind = kind
        code = "NOERROR"
        self.data = data
    }

    /// A question that is answered with NXDOMAIN.
    init(absent what: String, _ name: String, _ kind: Kind) {
        self.what = what
        self.name = name
        self.kind = kind
        code = "NXDOMAIN"
        data = []
    }

    /// The address that a reverse name is of.
    var address: String {
        name.split(separator: ".").prefix(4).reversed().joined(separator: ".")
    }
}

/// What a resolver said: the response code where it shows one, and the data of the answer.
struct Answer: Hashable, Sendable {
    var code: String?
    var data: Set<String>
}

/// A real resolver, by somebody else, as a program.
struct Resolver: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The program it needs.
    let tool: String
    /// The kinds of question it can ask.
    var kinds: Set<Question.Kind> = [.a, .aaaa, .ptr, .srv]
    /// Whether it tells an absent name from one without the type.
    var tellsCode = true
    let words: @Sendable (Question) -> [String]
    let read: @Sendable (Outcome) -> Answer

    private init(
        _ description: String,
        _ tool: String,
        words: @escaping @Sendable (Question) -> [String],
        read: @escaping @Sendable (Outcome) -> Answer = { Resolver.sections($0) }
    ) {
        testDescription = description
        self.tool = tool
        self.words = words
        self.read = read
    }

    static let all: [Resolver] =
        diggers("dig", ["+tcp"], ["+bufsize=512"], ["+noedns"], ["+dnssec", "+tcp"])
        + diggers("kdig", ["+tcp"], ["+edns=0"]) + [
            Resolver("drill", "drill") { ["drill", "@127.0.0.11", $0.name, $0.kind.rawValue] },
            Resolver("drill -t", "drill") {
                ["drill", "-t", "@127.0.0.11", $0.name, $0.kind.rawValue]
            },
            python("udp"), python("tcp"), ahosts, hosts, nslookup,
        ]

    /// dig, or what is like it, without flags and with each of these lists.
    private static func diggers(_ tool: String, _ flags: [String]...) -> [Resolver] {
        ([[]] + flags).map { flags in
            Resolver(([tool] + flags).joined(separator: " "), tool) {
                [tool, "@127.0.0.11", "+time=3", "+retry=0"] + flags + [$0.name, $0.kind.rawValue]
            }
        }
    }

    private static func python(_ transport: String) -> Resolver {
        Resolver("dnspython over \(transport)", Tool.python) {
            [Tool.python, Repository.fixture("resolve.py"), transport, $0.name, $0.kind.rawValue]
        } read: { outcome in
            Answer(code: code(outcome), data: Set(outcome.lines.dropFirst().map(withoutDot)))
        }
    }

    /// glibc: getaddrinfo.
    private static var ahosts: Resolver {
        var resolver = Resolver("glibc getent ahosts", "getent") { question in
            ["getent", question.kind == .aaaa ? "ahostsv6" : "ahostsv4", question.name]
        } read: { outcome in
            // An IPv4 address in IPv6's clothes is the library's own doing (AI_V4MAPPED).
            let addresses = outcome.lines.compactMap { fields($0).first }
            return Answer(code: nil, data: Set(addresses.filter { !$0.hasPrefix("::ffff:") }))
        }
        resolver.kinds = [.a, .aaaa]
        resolver.tellsCode = false
        return resolver
    }

    /// glibc: gethostbyaddr and gethostbyname2.
    private static var hosts: Resolver {
        var resolver = Resolver("glibc getent hosts", "getent") { question in
            ["getent", "hosts", question.kind == .ptr ? question.address : question.name]
        } read: { outcome in
            let isReverse = outcome.lines.first.map { fields($0).last?.contains(".mynet") }
            return Answer(
                code: nil,
                data: Set(
                    outcome.lines.compactMap { line in
                        isReverse == true ? fields(line).last : fields(line).first
                    }
                )
            )
        }
        resolver.kinds = [.ptr]
        resolver.tellsCode = false
        return resolver
    }

    private static var nslookup: Resolver {
        Resolver("busybox nslookup", "busybox") { question in
            ["busybox", "nslookup", "-type=\(question.kind.rawValue)", question.name, "127.0.0.11"]
        } read: { outcome in
            let data = outcome.lines.compactMap { line -> String? in
                for mark in ["name = ", "service = "] {
                    if let found = line.range(of: mark) { return String(line[found.upperBound...]) }
                }
                return line.hasPrefix("Address: ") ? String(line.dropFirst(9)) : nil
            }
            let isAbsent = outcome.output.contains("NXDOMAIN")
            return Answer(code: isAbsent ? "NXDOMAIN" : "NOERROR", data: Set(data.map(withoutDot)))
        }
    }

    /// The answer section of dig, kdig and drill.
    private static func sections(_ outcome: Outcome) -> Answer {
        var data: Set<String> = []
        var isAnswer = false
        for line in outcome.output.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(";;") || line.isEmpty {
                isAnswer = line == ";; ANSWER SECTION:"
            } else if isAnswer {
                data.insert(withoutDot(fields(line).dropFirst(4).joined(separator: " ")))
            }
        }
        return Answer(code: code(outcome), data: data)
    }

    private static func code(_ outcome: Outcome) -> String? {
        for mark in ["status: ", "rcode: "] {
            guard let found = outcome.output.range(of: mark) else { continue }
            return String(outcome.output[found.upperBound...].prefix { $0.isLetter })
        }
        return nil
    }

    private static func fields(_ line: some StringProtocol) -> [String] {
        line.split { $0.isWhitespace }.map { String($0) }
    }

    private static func withoutDot(_ text: String) -> String {
        text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}
