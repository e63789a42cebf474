package import Base

/// What the words of `waggle query` ask for: `[@ADDR[:PORT]] NAME [TYPE]`.
package struct QueryTarget: Hashable, Sendable {
    /// The server after `@`; nil when none is named.
    package var server: SocketEndpoint?
    package var name: DomainName
    package var type: RecordType

    /// Throws: `QueryTargetError`.
    package init(_ words: [String]) throws(QueryTargetError) {
        var asked: [String] = []
        for word in words {
            guard word.hasPrefix("@") else {
                asked.append(word)
                continue
            }
            guard server == nil else { throw .twoServers }
            guard let place = SocketEndpoint(word.dropFirst(), defaultPort: 53), place.port > 0
            else { throw .server(word) }
            server = place
        }
        guard let first = asked.first else { throw .noName }
        guard asked.count <= 2 else { throw .surplus(asked[2]) }
        do {
            name = try DomainName(first)
        } catch {
            throw .name(first, error)
        }
        guard let type = RecordType(asked.count == 2 ? asked[1] : "A") else {
            throw .type(asked[1])
        }
        self.type = type
    }

    /// The first `nameserver` line that holds an address.
    package static func firstServer(inResolvConf text: String) -> SocketEndpoint? {
        for line in text.split(whereSeparator: { $0.isNewline }) {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count >= 2, words[0] == "nameserver", let address = IPAddress(words[1]) {
                return SocketEndpoint(address: address, port: 53)
            }
        }
        return nil
    }
}

/// Why words are no question.
package enum QueryTargetError: Error, Hashable, Sendable, CustomStringConvertible {
    case noName
    case twoServers
    case server(String)
    case name(String, NameError)
    case type(String)
    case surplus(String)

    package var description: String {
        switch self {
        case .noName: "NAME is missing"
        case .twoServers: "two servers are named, one is asked"
        case .server(let word): "\(word) is no server: @ADDR, @ADDR:PORT or @[ADDR6]:PORT"
        case .name(let word, let error): "\(word) is no name: \(error)"
        case .type(let word): "\(word) is no record type such as A, AAAA, SRV or TYPE65"
        case .surplus(let word): "\(word) is one word too many"
        }
    }
}
