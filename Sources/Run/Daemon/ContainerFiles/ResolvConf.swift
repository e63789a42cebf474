package import Base

/// What a resolv.conf says (resolv.conf(5)), read tolerantly.
///
/// The file is written by many hands: a line that cannot be used costs a warning, never the rest of
/// the file. Our own address in containers, 127.0.0.11, is left out, since asking it would be a
/// loop.
package struct ResolvConf: Hashable, Sendable {
    /// A resolver's address, and for a link-local one the interface it is on.
    package struct NameServer: Hashable, Sendable {
        /// Port 53 always.
        package let endpoint: SocketEndpoint
        /// What follows `%`: the name or number of an interface.
        package let scope: String?

        package init(endpoint: SocketEndpoint, scope: String? = nil) {
            self.endpoint = endpoint
            self.scope = scope
        }
    }

    /// Where the resolver of every container listens.
    package static let ownAddress = IPAddress.v4(IPv4Address(127, 0, 0, 11))
    /// glibc cuts larger values down to this (resolv.conf(5)).
    package static let ndotsMax = 15

    /// In the order of the file, each once.
    package private(set) var nameServers: [NameServer] = []
    /// The last `search` or `domain` line wins, as in glibc.
    package private(set) var search: [DomainName] = []
    /// The same as it is written, for a file that is made from this one.
    package private(set) var searchWords: [String] = []
    /// Lines of other keywords, as they are written.
    package private(set) var otherLines: [String] = []
    /// Words that stand for a server and are no address.
    package private(set) var invalidServers: [String] = []
    /// Dots from which on a name is tried as it is first; nil when the file does not say.
    package private(set) var ndots: Int?
    /// Every option as it is written, in order.
    package private(set) var options: [String] = []
    /// One sentence for each thing that was left out, with its line.
    package private(set) var warnings: [String] = []

    package init(_ text: String) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            read(line, number: index + 1)
        }
    }

    private mutating func read(_ line: Substring, number: Int) {
        // glibc knows comments at the start only; elsewhere they are a common mistake.
        let code = line.prefix { $0 != "#" && $0 != ";" }
        var words = code.split(whereSeparator: \.isWhitespace)[...]
        guard let keyword = words.popFirst() else { return }
        switch keyword {
        case "nameserver": readServers(words, number: number)
        case "search", "domain": readSearch(words, number: number)
        case "options": readOptions(words, number: number)
        // glibc's own ordering of addresses is no business of a forwarder.
        case "sortlist": otherLines.append(Self.trimmed(line))
        default:
            warn(number, "\(keyword) is no keyword")
            otherLines.append(Self.trimmed(line))
        }
    }

    private mutating func readServers(_ words: ArraySlice<Substring>, number: Int) {
        if words.isEmpty { warn(number, "nameserver has no address") }
        if words.count > 1 { warn(number, "nameserver has more than one address; all are used") }
        for word in words {
            let parts = word.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            let scope = parts.count == 2 ? String(parts[1]) : nil
            guard let address = IPAddress(parts[0]), scope != "", !address.isUnspecified else {
                warn(number, "\(word) is no address")
                invalidServers.append(String(word))
                continue
            }
            if address == Self.ownAddress {
                warn(number, "\(word) is this resolver itself")
                continue
            }
            let server = NameServer(
                endpoint: SocketEndpoint(address: address, port: 53),
                scope: scope
            )
            if !nameServers.contains(server) { nameServers.append(server) }
        }
    }

    private mutating func readSearch(_ words: ArraySlice<Substring>, number: Int) {
        search = []
        searchWords = words.map { String($0) }
        for word in words {
            guard let name = try? DomainName(word) else {
                warn(number, "\(word) is no domain name")
                continue
            }
            if !name.isRoot, !search.contains(name) { search.append(name) }
        }
    }

    private mutating func readOptions(_ words: ArraySlice<Substring>, number: Int) {
        for word in words {
            if word.hasPrefix("ndots:") {
                guard let value = Int(word.dropFirst("ndots:".count)), value >= 0 else {
                    warn(number, "\(word) has no number")
                    continue
                }
                ndots = min(value, Self.ndotsMax)
            }
            options.append(String(word))
        }
    }

    private static func trimmed(_ line: Substring) -> String {
        let words = line.drop { $0.isWhitespace }
        let end = words.lastIndex { !$0.isWhitespace }.map { words.index(after: $0) }
        return String(words[..<(end ?? words.startIndex)])
    }

    private mutating func warn(_ number: Int, _ what: String) {
        warnings.append("line \(number): \(what)")
    }
}
