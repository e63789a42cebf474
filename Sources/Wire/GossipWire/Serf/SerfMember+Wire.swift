package import Gossip

// What rides in other messages' payloads: tags in a member's meta, coordinates in acks, members and
// keys in answers to queries. gossip-wire.md §18.2, §18.7, §18.8.

extension SerfTags {
    /// Marks a meta as tags.
    private static let magic: UInt8 = 0xff

    /// Reads a member's meta.
    ///
    /// One that does not begin with 0xff is the value of the tag `role`.
    ///
    /// Throws: `MsgpackFault` for tags that break off or are no strings.
    package init(meta: Span<UInt8>) throws(MsgpackFault) {
        guard meta.count > 0 else {
            self.init()
            return
        }
        guard meta[0] == Self.magic else {
            self.init([Tag(name: Array("role".utf8), value: meta.array(0..<meta.count))])
            return
        }
        var reader = MsgpackReader(meta, at: 1)
        try self.init(&reader)
    }

    fileprivate init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init()
        for _ in 0..<(try reader.map()) {
            let name = try reader.octets()
            tags.append(Tag(name: name, value: try reader.octets()))
        }
    }

    /// The tags as a member's meta has them; `Alive.metaOctetsMax` is the caller's to keep.
    package var meta: [UInt8] {
        var out = [Self.magic]
        write(&out)
        return out
    }

    fileprivate func write(_ out: inout [UInt8]) {
        out.append(map: tags.count)
        for tag in tags {
            out.append(raw: tag.name)
            out.append(raw: tag.value)
        }
    }
}

extension SerfCoordinate {
    /// The one version of an ack's payload.
    private static let version: UInt8 = 1
    private static let directionsMax = 64

    /// Reads an ack's payload.
    ///
    /// Throws: `SerfFault.empty` for none, `.type` for another version, `.body` for broken octets.
    package init(ackPayload: Span<UInt8>) throws(SerfFault) {
        guard ackPayload.count > 0 else { throw .empty }
        guard ackPayload[0] == Self.version else { throw .type(ackPayload[0]) }
        self.init(vector: [], error: 0, adjustment: 0, height: 0)
        var reader = MsgpackReader(ackPayload, at: 1)
        do throws(MsgpackFault) {
            for _ in 0..<(try reader.map()) {
                switch try reader.field() {
                case .vector: vector = try Self.readVector(&reader)
                case .error: error = try reader.double()
                case .adjustment: adjustment = try reader.double()
                case .height: height = try reader.double()
                default: try reader.skip()
                }
            }
        } catch {
            throw .body(.queryResponse, error)
        }
    }

    private static func readVector(
        _ reader: inout MsgpackReader
    ) throws(MsgpackFault) -> [Double] {
        let count = try reader.array()
        guard count <= directionsMax else {
            throw .count(claimed: count, limit: directionsMax)
        }
        var vector: [Double] = []
        for _ in 0..<count { vector.append(try reader.double()) }
        return vector
    }

    /// The coordinate as an ack's payload.
    package var ackPayload: [UInt8] {
        var out = [Self.version]
        out.append(map: 4)
        out.append(.adjustment)
        out.append(double: adjustment)
        out.append(.error)
        out.append(double: error)
        out.append(.height)
        out.append(double: height)
        out.append(.vector)
        out.append(array: vector.count)
        for direction in vector { out.append(double: direction) }
        return out
    }
}

extension SerfMember {
    /// Reads the payload of an answer to `_serf_conflict`; nil when its sender knows no such member.
    ///
    /// Throws: `SerfFault`.
    package static func read(conflictAnswer octets: Span<UInt8>) throws(SerfFault) -> SerfMember? {
        try SerfMessageType.conflictResponse.check(octets)
        var reader = MsgpackReader(octets, at: 1)
        do throws(MsgpackFault) {
            return try reader.isNone() ? nil : try SerfMember(&reader)
        } catch {
            throw .body(.conflictResponse, error)
        }
    }

    private init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        self.init(
            node: .anyone,
            address: .none,
            port: 0,
            tags: SerfTags(),
            status: .none,
            versions: .none
        )
        var spoken = [UInt8](repeating: 0, count: VersionVector.octetCount)
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .name: node = NodeName(octets: try reader.octets())
            case .address: address = AddressOctets(try reader.shortOctets())
            case .port: port = try reader.integer()
            case .tags: tags = try SerfTags(&reader)
            case .status: status = Status(rawValue: try reader.integer()) ?? .none
            case .protocolMin: spoken[0] = try reader.integer()
            case .protocolMax: spoken[1] = try reader.integer()
            case .protocolCurrent: spoken[2] = try reader.integer()
            case .delegateMin: spoken[3] = try reader.integer()
            case .delegateMax: spoken[4] = try reader.integer()
            case .delegateCurrent: spoken[5] = try reader.integer()
            default: try reader.skip()
            }
        }
        versions = VersionVector(ShortOctets(spoken))
    }

    /// The payload of an answer to `_serf_conflict`; `member` is nil when we know none of that name.
    ///
    /// The versions have to be whole.
    package static func conflictAnswer(_ member: SerfMember?) -> [UInt8] {
        var out: [UInt8] = [SerfMessageType.conflictResponse.rawValue]
        if let member { member.write(&out) } else { out.appendNone() }
        return out
    }

    private func write(_ out: inout [UInt8]) {
        precondition(versions.isWhole, "\(versions.octets.count) octets of versions")
        out.append(map: 11)
        out.append(.address)
        out.append(raw: address.octets)
        out.append(.delegateCurrent)
        out.append(integer: versions.delegateCurrent)
        out.append(.delegateMax)
        out.append(integer: versions.delegateMax)
        out.append(.delegateMin)
        out.append(integer: versions.delegateMin)
        out.append(.name)
        out.append(raw: node.octets)
        out.append(.port)
        out.append(integer: port)
        out.append(.protocolCurrent)
        out.append(integer: versions.protocolCurrent)
        out.append(.protocolMax)
        out.append(integer: versions.protocolMax)
        out.append(.protocolMin)
        out.append(integer: versions.protocolMin)
        out.append(.status)
        out.append(integer: status.rawValue)
        out.append(.tags)
        tags.write(&out)
    }
}

extension SerfKeyAnswer {
    private static let keysMax = 1024

    /// The payload of a question about `key`, in octets of the key.
    package static func request(key: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [SerfMessageType.keyRequest.rawValue]
        out.append(map: 1)
        out.append(.key)
        out.append(rawOrNone: key)
        return out
    }

    /// The key that a question's payload is about; empty when it is about all.
    ///
    /// Throws: `SerfFault`.
    package static func key(request octets: Span<UInt8>) throws(SerfFault) -> [UInt8] {
        try SerfMessageType.keyRequest.check(octets)
        var reader = MsgpackReader(octets, at: 1)
        var key: [UInt8] = []
        do throws(MsgpackFault) {
            for _ in 0..<(try reader.map()) {
                switch try reader.field() {
                case .key: key = try reader.octets()
                default: try reader.skip()
                }
            }
        } catch {
            throw .body(.keyRequest, error)
        }
        return key
    }

    /// Reads the payload of an answer.
    ///
    /// Throws: `SerfFault`.
    package init(_ octets: Span<UInt8>) throws(SerfFault) {
        try SerfMessageType.keyResponse.check(octets)
        self.init(isSuccess: false, message: [], keys: [], primaryKey: [])
        var reader = MsgpackReader(octets, at: 1)
        do throws(MsgpackFault) {
            for _ in 0..<(try reader.map()) {
                switch try reader.field() {
                case .result: isSuccess = try reader.flag()
                case .message: message = try reader.octets()
                case .keys: keys = try reader.list(countMax: Self.keysMax)
                case .primaryKey: primaryKey = try reader.octets()
                default: try reader.skip()
                }
            }
        } catch {
            throw .body(.keyResponse, error)
        }
    }

    /// The payload of the answer.
    package var octets: [UInt8] {
        var out: [UInt8] = [SerfMessageType.keyResponse.rawValue]
        out.append(map: 4)
        out.append(.keys)
        if keys.isEmpty { out.appendNone() } else { out.append(list: keys) }
        out.append(.message)
        out.append(raw: message)
        out.append(.primaryKey)
        out.append(raw: primaryKey)
        out.append(.result)
        out.append(flag: isSuccess)
        return out
    }
}
