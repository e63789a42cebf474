/// The first octets of a msgpack item: what kind it is, and how far it reaches.
struct MsgpackHead {
    enum Kind {
        case none
        case flag
        case integer
        case double
        /// Strings of either family, and octets.
        case octets
        case array
        case map
        /// Floats of 32 bits and extensions: stepped over, never read.
        case other
    }

    let kind: Kind
    /// Octets of the head itself.
    let octets: Int
    /// Octets that follow and belong to the item; 0 for arrays and maps.
    let payload: Int
    /// Items that follow and belong to the item; 0 for all but arrays and maps.
    let items: Int

    private init(_ kind: Kind, octets: Int, payload: Int = 0, items: Int = 0) {
        self.kind = kind
        self.octets = octets
        self.payload = payload
        self.items = items
    }

    /// Reads the head at `at`.
    ///
    /// Throws: `MsgpackFault.truncated` when it is not there whole, `.kind` for 0xc1.
    init(_ bytes: Span<UInt8>, at: Int) throws(MsgpackFault) {
        guard at < bytes.count else { throw .truncated(needed: at + 1, have: bytes.count) }
        let first = bytes[at]
        switch first {
        case 0x00...0x7f, 0xe0...0xff: self.init(.integer, octets: 1)
        case 0x80...0x8f: self.init(.map, octets: 1, items: 2 * Int(first & 15))
        case 0x90...0x9f: self.init(.array, octets: 1, items: Int(first & 15))
        case 0xa0...0xbf: self.init(.octets, octets: 1, payload: Int(first & 31))
        case 0xc0: self.init(.none, octets: 1)
        case 0xc2, 0xc3: self.init(.flag, octets: 1)
        case 0xca: self.init(.other, octets: 1, payload: 4)
        case 0xcb: self.init(.double, octets: 1, payload: 8)
        case 0xcc...0xcf: self.init(.integer, octets: 1, payload: 1 << Int(first & 3))
        case 0xd0...0xd3: self.init(.integer, octets: 1, payload: 1 << Int(first & 3))
        case 0xd4...0xd8: self.init(.other, octets: 2, payload: 1 << Int(first - 0xd4))
        default: try self.init(long: first, bytes, at: at)
        }
    }

    /// The heads that carry a length of their own.
    private init(long first: UInt8, _ bytes: Span<UInt8>, at: Int) throws(MsgpackFault) {
        let width: Int
        switch first {
        case 0xc4, 0xc7, 0xd9: width = 1
        case 0xc5, 0xc8, 0xda, 0xdc, 0xde: width = 2
        case 0xc6, 0xc9, 0xdb, 0xdd, 0xdf: width = 4
        default: throw .kind(octet: first, offset: at)
        }
        guard at + 1 + width <= bytes.count else {
            throw .truncated(needed: at + 1 + width, have: bytes.count)
        }
        var length = 0
        for index in at + 1..<at + 1 + width { length = length << 8 | Int(bytes[index]) }
        switch first {
        case 0xdc, 0xdd: self.init(.array, octets: 1 + width, items: length)
        case 0xde, 0xdf: self.init(.map, octets: 1 + width, items: 2 * length)
        case 0xc7, 0xc8, 0xc9: self.init(.other, octets: 2 + width, payload: length)
        default: self.init(.octets, octets: 1 + width, payload: length)
        }
    }
}
