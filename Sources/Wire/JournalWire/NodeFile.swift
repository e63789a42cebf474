/// The file that says whose a journal is.
package enum NodeFile {
    package static let octets = 64

    private static let checkedOctets = 52

    package static func encoded(_ identity: JournalIdentity) -> [UInt8] {
        var out: [UInt8] = []
        out.put(JournalFormat.nodeMagic)
        out.put(UInt32(JournalFormat.version))
        out.put(identity.epoch)
        for number in [identity.high, identity.low, identity.node] { out.put(number) }
        out.fill(to: checkedOctets)
        out.put(CRC32C.of(out.span))
        out.fill(to: octets)
        return out
    }

    package static func identity(_ span: Span<UInt8>) throws(FileFault) -> JournalIdentity {
        guard span.count >= octets else { throw .short(needed: octets, have: span.count) }
        guard span.number64(at: 0) == JournalFormat.nodeMagic else { throw .notOurs }
        guard CRC32C.of(span.extracting(0..<checkedOctets)) == span.number32(at: checkedOctets)
        else { throw .checksum }
        guard span.number16(at: 8) == JournalFormat.version else {
            throw .version(span.number16(at: 8))
        }
        return JournalIdentity(
            high: span.number64(at: 16),
            low: span.number64(at: 24),
            epoch: span.number32(at: 12),
            node: span.number64(at: 32)
        )
    }
}

/// The file with the keys that payloads are sealed with: the first seals, each opens what names it.
package enum KeyFile {
    package struct Key: Hashable, Sendable {
        package var number: UInt32
        package var octets: [UInt8]

        package init(number: UInt32, octets: [UInt8]) {
            self.number = number
            self.octets = octets
        }
    }

    /// How the keys lie in the file.
    package enum Form: UInt16, Hashable, Sendable {
        case plain = 0
        /// Sealed with a key that an operator gives at each start.
        case locked = 1
    }

    package static let keyOctets = 32
    package static let keysMax = 16
    package static let octetsMax = 32 + keysMax * 40

    package static func encoded(_ keys: [Key]) -> [UInt8] {
        var out: [UInt8] = []
        out.put(JournalFormat.keyMagic)
        out.put(JournalFormat.version)
        out.put(Form.plain.rawValue)
        out.put(UInt32(keys.count))
        for key in keys {
            out.put(key.number)
            out.put(UInt32(key.octets.count))
            out += key.octets
        }
        out.put(CRC32C.of(out.span))
        return out
    }

    /// Why no keys come out of the file.
    package enum Fault: Error, Hashable, Sendable {
        case file(FileFault)
        /// It needs a key to be opened.
        case locked
    }

    package static func keys(_ span: Span<UInt8>) throws(Fault) -> [Key] {
        guard span.count >= 20 else { throw .file(.short(needed: 20, have: span.count)) }
        guard span.number64(at: 0) == JournalFormat.keyMagic else { throw .file(.notOurs) }
        let end = span.count - 4
        guard CRC32C.of(span.extracting(0..<end)) == span.number32(at: end) else {
            throw .file(.checksum)
        }
        guard span.number16(at: 8) == JournalFormat.version else {
            throw .file(.version(span.number16(at: 8)))
        }
        guard span.number16(at: 10) == Form.plain.rawValue else { throw .locked }
        let count = Int(span.number32(at: 12))
        guard count > 0, count <= keysMax, end == 16 + count * (8 + keyOctets) else {
            throw .file(.short(needed: 16 + min(count, keysMax) * 40 + 4, have: span.count))
        }
        return (0..<count).map { place in
            let start = 16 + place * (8 + keyOctets)
            return Key(
                number: span.number32(at: start),
                octets: span.copy(start + 8..<start + 8 + keyOctets)
            )
        }
    }
}
