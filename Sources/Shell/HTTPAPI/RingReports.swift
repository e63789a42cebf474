/// One element of `GET members`.
package struct MemberListing: Sendable, Hashable {
    package struct Tag: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The node's own name.
    package var name: String
    /// What the ring calls it: the name, or the name with what this run of it is called.
    package var id: String
    /// `ADDRESS:PORT`; nil where the member's octets are no address.
    package var address: String?
    /// `alive`, `suspect`, `dead` or `left`.
    package var state: String
    /// `alive`, `leaving`, `left` or `failed`, as serf calls it; nil in a ring of another delegate.
    package var status: String?
    package var isDrained = false
    package var isSelf = false
    package var incarnation: UInt32
    /// What it says of itself, as hexadecimal digits.
    package var meta = ""
    /// The same where it is known how to read it.
    package var tags: [Tag] = []
    /// Six numbers: of the protocol and of what rides on it, lowest, highest, spoken.
    package var versions: [Int] = []
    package var roundTripMicroseconds: Int?
    /// How long it has been in its state.
    package var stateSeconds: Int

    package init(
        name: String,
        id: String,
        address: String?,
        state: String,
        incarnation: UInt32,
        stateSeconds: Int
    ) {
        self.name = name
        self.id = id
        self.address = address
        self.state = state
        self.incarnation = incarnation
        self.stateSeconds = stateSeconds
    }

    package var json: JSONValue {
        var tagged: JSONValue = [:]
        for tag in tags { tagged[tag.name] = .string(tag.value) }
        return [
            "name": .string(name), "id": .string(id), "address": .optional(address),
            "state": .string(state), "status": .optional(status), "drained": .bool(isDrained),
            "self": .bool(isSelf),
            "incarnation": .integer(incarnation), "meta": .string(meta), "tags": tagged,
            "versions": .array(versions.map { .integer($0) }),
            "roundTripMicroseconds": roundTripMicroseconds.map { .integer($0) } ?? .null,
            "stateSeconds": .integer(stateSeconds),
        ]
    }
}

/// One element of `GET keys`: which key it is, never the key.
package struct KeyListing: Sendable, Hashable {
    /// The first 8 hexadecimal digits of the key's SHA-256.
    package var fingerprint: String
    package var bits: Int
    /// Whether it is the one that encrypts.
    package var isPrimary: Bool

    package init(fingerprint: String, bits: Int, isPrimary: Bool) {
        self.fingerprint = fingerprint
        self.bits = bits
        self.isPrimary = isPrimary
    }

    package var json: JSONValue {
        [
            "fingerprint": .string(fingerprint), "bits": .integer(bits),
            "primary": .bool(isPrimary),
        ]
    }
}
