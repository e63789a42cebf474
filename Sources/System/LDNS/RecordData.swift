import Base
import CLDNS

/// Turns the words of one record's data into wire form through libldns.
///
/// libldns reads numbers with `strtol` and drops what does not fit, completes names without a
/// length check, and takes a name starting with the label `@` for the origin. So every word is
/// checked against the field it stands in first, and names go in absolute.
struct RecordData {
    /// Octets of `\# LENGTH HEX` for a type libldns knows: it makes up to one field per octet and
    /// allocates LENGTH octets for each.
    static let knownGenericOctetsMax = 255
    /// Octets of `\# LENGTH HEX` for other types; over 32,767 libldns's own counter would wrap.
    static let genericOctetsMax = 16_384
    /// Character strings in one record; libldns counts fields in 8 bits in some places.
    static let stringsMax = 255

    /// Types whose text libldns reads with fields of its own (HIP), with the machine's service
    /// tables (WKS), with names that are never completed (IPSECKEY, AMTRELAY), or by old
    /// hand-written scanners (APL, NSAP, ATMA).
    static let genericOnly: Set<RecordType> = [
        RecordType(11), RecordType(22), RecordType(34), RecordType(42), RecordType(45),
        RecordType(55), RecordType(260),
    ]

    private let type: RecordType
    private let shape: RecordShape
    private let origin: DomainName

    init(_ type: RecordType, origin: DomainName) {
        self.type = type
        self.shape = RecordShape(type)
        self.origin = origin
    }

    /// The data in wire form.
    ///
    /// Throws: what is wrong with the words.
    func octets(_ words: ArraySlice<ZoneWord>) throws(ZoneTextFault) -> [UInt8] {
        if let first = words.first, first.isGenericMark { return try generic(words.dropFirst()) }
        if !shape.isKnown || Self.genericOnly.contains(type) { throw .typeGenericOnly(type) }
        var text = ". 0 IN TYPE\(type.code)"
        for (index, word) in words.enumerated() {
            text += " " + (try checked(word, field: shape.field(index)))
        }
        if shape.field(words.count - 1) == LDNS_RDF_TYPE_HEX { try checkHexadecimal(words) }
        if shape.isVariable && words.count > Self.stringsMax {
            throw .strings(limit: Self.stringsMax)
        }
        return try parsed(text)
    }

    private func parsed(_ text: String) throws(ZoneTextFault) -> [UInt8] {
        let record: RecordHandle
        do {
            record = try RecordHandle(text: text)
        } catch {
            throw .data(type, status: error.number)
        }
        // Generic data skip libldns's own check, and an A record without data passes it.
        if record.fieldCount < shape.fieldsMin {
            throw .data(type, status: LDNS_STATUS_SYNTAX_MISSING_VALUE_ERR.rawValue)
        }
        let data = record.data
        if !isWhole(data) { throw .malformed(type) }
        return data
    }

    /// Whether libldns's wire reader takes the data as they are: some of its scanners (that of
    /// NSEC3 for one) make data that it refuses itself.
    private func isWhole(_ data: [UInt8]) -> Bool {
        guard let count = UInt16(exactly: data.count) else { return false }
        let head = [type.code, 1, 0, 0, count].flatMap {
            [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)]
        }
        guard let again = try? RecordHandle(wire: [0] + head + data) else { return false }
        // An empty last field of base64 is no field when it is read back.
        return again.data == data && again.fieldCount >= shape.fieldsMin
            && (type != .svcb && type != .https || hasOrderedKeys(data))
    }

    /// Whether parameter keys rise strictly (RFC 9460 §2.2).
    ///
    /// libldns sorts them but keeps some twice.
    private func hasOrderedKeys(_ data: [UInt8]) -> Bool {
        var rest = data.dropFirst(2)
        while let length = rest.popFirst(), length > 0 { rest = rest.dropFirst(Int(length)) }
        var previous = -1
        while rest.count >= 4 {
            let head = rest.prefix(4).map { Int($0) }
            let key = head[0] << 8 | head[1]
            if key <= previous { return false }
            previous = key
            rest = rest.dropFirst(4 + (head[2] << 8 | head[3]))
        }
        return rest.isEmpty
    }

    /// RFC 3597 §5.
    ///
    /// What libldns knows must come out of it octet for octet.
    private func generic(_ words: ArraySlice<ZoneWord>) throws(ZoneTextFault) -> [UInt8] {
        let known = shape.isKnown && !Self.genericOnly.contains(type)
        let limit = known ? Self.knownGenericOctetsMax : Self.genericOctetsMax
        guard let first = words.first, let count = decimal(first.octets), count <= limit else {
            throw .generic(type)
        }
        var octets: [UInt8] = []
        var high: UInt8?
        for digit in words.dropFirst().flatMap(\.octets) {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue else {
                throw .generic(type)
            }
            if let upper = high {
                octets.append(upper << 4 | UInt8(value))
                high = nil
            } else {
                high = UInt8(value)
            }
        }
        if high != nil || octets.count != Int(count) { throw .generic(type) }
        if !known { return octets }
        let digits = words.dropFirst().map(\.text).joined()
        let again = try parsed(". 0 IN TYPE\(type.code) \\# \(count) \(digits)")
        if again != octets { throw .generic(type) }
        return octets
    }

    /// The word as libldns shall see it in this field.
    private func checked(
        _ word: ZoneWord,
        field: ldns_rdf_type
    ) throws(ZoneTextFault) -> String {
        let strings = field == LDNS_RDF_TYPE_STR || field == LDNS_RDF_TYPE_LONG_STR
        let parameters = field == LDNS_RDF_TYPE_SVCPARAMS
        if word.quoting == .whole && !strings || word.quoting == .inside && !parameters {
            throw .quotedWord(word.text)
        }
        switch field {
        case LDNS_RDF_TYPE_DNAME:
            return try absolute(word)
        case LDNS_RDF_TYPE_INT8:
            try checkNumber(word, max: 255)
        case LDNS_RDF_TYPE_INT16:
            try checkNumber(word, max: 65_535)
        case LDNS_RDF_TYPE_INT32:
            try checkNumber(word, max: .max)
        case LDNS_RDF_TYPE_PERIOD:
            if seconds(word.octets) == nil { throw .ttl(word.text) }
        case LDNS_RDF_TYPE_NSEC3_NEXT_OWNER, LDNS_RDF_TYPE_B32_EXT:
            if !word.octets.allSatisfy(\.isBase32) { throw .malformed(type) }
        case LDNS_RDF_TYPE_TIME:
            // Digits past the date, or a number past 32 bits, would give some other time.
            let isDate = word.octets.count == 14 && word.octets.allSatisfy(\.isDigit)
            if !isDate { try checkNumber(word, max: .max) }
        case LDNS_RDF_TYPE_ALG, LDNS_RDF_TYPE_CERTIFICATE_USAGE, LDNS_RDF_TYPE_SELECTOR,
            LDNS_RDF_TYPE_MATCHING_TYPE:
            if !word.startsWithLetter { try checkNumber(word, max: 255) }
        case LDNS_RDF_TYPE_CERT_ALG:
            if !word.startsWithLetter { try checkNumber(word, max: 65_535) }
        default:
            break
        }
        // libldns takes `\#` for generic data wherever it stands.
        return word.isGenericMark ? "\\035" : word.text
    }

    private func absolute(_ word: ZoneWord) throws(ZoneTextFault) -> String {
        if word.octets == [UInt8(ascii: "@")] { return origin.absoluteText }
        do {
            let name = try DomainName(word.text)
            if name.octets.starts(with: [1, UInt8(ascii: "@")]) {
                throw ZoneTextFault.nameAt(text: word.text)
            }
            if word.isAbsolute { return word.text }
            _ = try DomainName(name, under: origin)
            return origin.isRoot ? word.text + "." : word.text + "." + origin.absoluteText
        } catch let error as NameError {
            throw .name(text: word.text, error)
        } catch {
            throw .nameAt(text: word.text)
        }
    }

    private func checkNumber(_ word: ZoneWord, max: UInt32) throws(ZoneTextFault) {
        guard let value = decimal(word.octets), value <= max else {
            throw .number(text: word.text, max: max)
        }
    }

    /// libldns pads an odd last digit; the words of the last field belong together.
    private func checkHexadecimal(_ words: ArraySlice<ZoneWord>) throws(ZoneTextFault) {
        let digits = words.dropFirst(shape.fieldsMax - 1).reduce(0) { $0 + $1.octets.count }
        if !digits.isMultiple(of: 2) { throw .hexadecimal }
    }
}

/// What libldns knows about the data of a type.
@safe
struct RecordShape {
    /// A row of the library's static table; never freed, never null.
    private let row: UnsafePointer<ldns_rr_descriptor>
    let isKnown: Bool

    init(_ type: RecordType) {
        guard let row = unsafe ldns_rr_descript(type.code) else {
            preconditionFailure("libldns describes every type, unknown ones by its row 0")
        }
        unsafe self.row = unsafe row
        let fields =
            unsafe row.pointee._maximum > 0
            || row.pointee._variable != LDNS_RDF_TYPE_NONE
        // A type it does not know gets row 0, or a row whose only field has no text form.
        isKnown =
            unsafe fields && type.code != 0
            && row.pointee._type.rawValue == UInt32(type.code)
            && ldns_rr_descriptor_field_type(row, 0) != LDNS_RDF_TYPE_UNKNOWN
    }

    var fieldsMin: Int { unsafe Int(row.pointee._minimum) }
    /// Fields before the repeated one of a variable type.
    var fieldsMax: Int { unsafe Int(row.pointee._maximum) }
    /// Whether the last field may stand any number of times.
    var isVariable: Bool { unsafe row.pointee._variable != LDNS_RDF_TYPE_NONE }

    /// The field that word `index` belongs to; words past the last field belong to it.
    func field(_ index: Int) -> ldns_rdf_type {
        let last = isVariable ? index : min(index, fieldsMax - 1)
        // The library asserts that the index is within the row.
        return last < 0 ? LDNS_RDF_TYPE_NONE : unsafe ldns_rr_descriptor_field_type(row, last)
    }
}

extension ZoneWord {
    fileprivate var isGenericMark: Bool { quoting == .none && octets == Array("\\#".utf8) }

    fileprivate var startsWithLetter: Bool {
        octets.first.map { (97...122).contains($0.foldedLetter) } ?? false
    }

    /// Whether the last octet is a dot that no backslash escapes.
    var isAbsolute: Bool {
        guard octets.last == UInt8(ascii: ".") else { return false }
        let slashes = octets.dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }
        return slashes.count.isMultiple(of: 2)
    }
}

extension DomainName {
    /// Presentation text with its trailing dot.
    fileprivate var absoluteText: String { isRoot ? "." : description + "." }
}
