/// One HTTP request, as a handler sees it.
package struct APIRequest: Sendable, Hashable {
    /// A parameter of the query.
    package struct Parameter: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In capitals; HEAD arrives as GET, since only the server tells them apart.
    package var method: String
    /// The path's segments, percent-decoded: `/waggle/v1/a%2Fb` is `["waggle", "v1", "a/b"]`.
    package var path: [String]
    /// In the order given.
    package var query: [Parameter]
    package var body: [UInt8]

    package init(
        method: String,
        path: [String],
        query: [Parameter] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// Takes a request target in origin form, absolute form or `*` (RFC 9112 §3.2).
    ///
    /// Returns nil for a broken escape, an escape that is not UTF-8, or a NUL.
    package init?(method: String, target: String, body: [UInt8]) {
        var rest = target[...]
        for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
        }
        let halves = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.init(method: method, path: [], body: body)
        for segment in (halves.first ?? "").split(separator: "/") {
            guard let text = Self.decode(segment, plusIsSpace: false) else { return nil }
            path.append(text)
        }
        guard halves.count == 2 else { return }
        for pair in halves[1].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(parts[0], plusIsSpace: true),
                let value = Self.decode(parts.count == 2 ? parts[1] : "", plusIsSpace: true)
            else { return nil }
            query.append(Parameter(name, value))
        }
    }

    /// The target in origin form, with everything escaped that is not unreserved (RFC 3986 §2.3).
    package var target: String {
        let pairs = query.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }
        return "/" + path.map { Self.encode($0) }.joined(separator: "/")
            + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    }

    private static func decode(_ text: some StringProtocol, plusIsSpace: Bool) -> String? {
        var octets: [UInt8] = []
        var input = Array(text.utf8)[...]
        while let octet = input.popFirst() {
            if octet == UInt8(ascii: "%") {
                guard let high = hexDigit(input.popFirst()), let low = hexDigit(input.popFirst())
                else { return nil }
                octets.append(high << 4 | low)
            } else {
                octets.append(plusIsSpace && octet == UInt8(ascii: "+") ? 0x20 : octet)
            }
        }
        return octets.contains(0) ? nil : String(validating: octets, as: UTF8.self)
    }

    private static func hexDigit(_ octet: UInt8?) -> UInt8? {
        switch octet {
        case let octet? where (48...57).contains(octet): octet - 48
        case let octet? where (97...102).contains(octet | 0x20): (octet | 0x20) - 87
        default: nil
        }
    }

    private static func encode(_ text: String) -> String {
        var out = ""
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                out.unicodeScalars.append(UnicodeScalar(octet))
            default:
                let digits = String(octet, radix: 16, uppercase: true)
                out += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return out
    }
}

/// One HTTP response, whole.
package struct APIResponse: Sendable, Hashable {
    /// A header beside Content-Type and Content-Length, which the server writes.
    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The header with the index that `?watch=` takes.
    package static let indexHeader = "X-Waggle-Index"

    /// Between 200 and 599.
    package var status: Int
    package var contentType: String
    package var headers: [Header]
    package var body: [UInt8]

    package init(status: Int, contentType: String, headers: [Header] = [], body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    /// A document.
    ///
    /// `index` is the state's index that the document shows.
    package static func json(
        _ value: JSONValue,
        status: Int = 200,
        index: UInt64? = nil
    ) -> APIResponse {
        APIResponse(
            status: status,
            contentType: "application/json",
            headers: index.map { [Header(indexHeader, String($0))] } ?? [],
            body: value.octets + [0x0a]
        )
    }

    /// `{"message": "..."}`.
    package static func failure(_ status: Int, _ message: String) -> APIResponse {
        json(["message": .string(message)], status: status)
    }

    /// Plain text in UTF-8.
    package static func text(_ text: String, status: Int = 200) -> APIResponse {
        APIResponse(
            status: status,
            contentType: "text/plain; charset=utf-8",
            body: Array(text.utf8)
        )
    }

    /// A body-less success.
    package static let done = APIResponse(status: 204, contentType: "", body: [])

    /// The value of a header, whose name is compared without case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
