package import Base
import CLDNS

/// One record of a zone, as a name server keeps it.
package struct ZoneRecord: Sendable, Hashable {
    package let owner: DomainName
    package let type: RecordType
    /// Seconds, 0 to 2^31-1.
    package let ttl: UInt32
    /// The record data in wire form, names uncompressed and in the case they were written in.
    package let data: [UInt8]
    /// The line of the record's first word, counted from 1.
    package let line: Int

    package init(owner: DomainName, type: RecordType, ttl: UInt32, data: [UInt8], line: Int) {
        self.owner = owner
        self.type = type
        self.ttl = ttl
        self.data = data
        self.line = line
    }
}

/// Reads zone text (RFC 1035 §5.1, RFC 2308 §4, RFC 3597 §5).
///
/// `$ORIGIN`, `$TTL`, `@`, comments, parentheses, quoted strings, an omitted owner (the previous
/// one), class IN and durations such as `1h30m` are understood; `$INCLUDE` and other directives
/// are refused. The words of each record's data go through libldns.
///
/// It is strict where libldns guesses: all is refused at the first fault, and nothing is taken.
/// It is for the text of operators. A record that stands there twice counts once. TTLs that differ
/// within one record set are left to the caller.
package enum ZoneText {
    /// 8 MiB: about 200,000 lines of ordinary length.
    package static let fileOctetsMax = 8 << 20
    package static let recordsMax = 100_000
    package static let lineOctetsMax = 8_192
    /// Of one record over all its lines; under the 65,535 of libldns's buffers.
    package static let recordOctetsMax = 32_768

    /// All records of a text, in its order.
    ///
    /// `text`: The whole text, at most `fileOctetsMax` octets.
    /// `origin`: What relative names are completed with until `$ORIGIN` says otherwise.
    /// `defaultTTL`: Seconds for records without a TTL until `$TTL` says otherwise.
    /// `file`: The name that errors carry.
    /// Throws: the first fault, with its line.
    package static func records(
        in text: String,
        origin: DomainName,
        defaultTTL: UInt32,
        file: String
    ) throws(ZoneTextError) -> [ZoneRecord] {
        let octets = text.utf8.count
        if octets > fileOctetsMax {
            throw ZoneTextError(
                file: file,
                line: 1,
                reason: .fileOctets(have: octets, limit: fileOctetsMax)
            )
        }
        var lexer = ZoneLexer(text, file: file)
        var reader = ZoneReader(origin: origin, ttl: defaultTTL)
        while let entry = try lexer.next() {
            do {
                try reader.take(entry)
            } catch {
                throw ZoneTextError(file: file, line: entry.line, reason: error)
            }
        }
        return reader.records
    }

    /// The one record that a text holds, over as many lines as it likes.
    ///
    /// Throws: as `records`, and `.recordCount` when there is not exactly one.
    package static func record(
        _ text: String,
        origin: DomainName = .root,
        defaultTTL: UInt32,
        file: String = "record"
    ) throws(ZoneTextError) -> ZoneRecord {
        let all = try records(in: text, origin: origin, defaultTTL: defaultTTL, file: file)
        guard let record = all.first, all.count == 1 else {
            throw ZoneTextError(file: file, line: 1, reason: .recordCount(all.count))
        }
        return record
    }
}

/// What a zone text means so far: the state that one record hands to the next.
private struct ZoneReader {
    private(set) var records: [ZoneRecord] = []
    private var origin: DomainName
    private var ttl: UInt32
    private var previousOwner: DomainName?
    private var seen: Set<Content> = []
    /// The first line of each owner that holds a CNAME, and of each that holds something else.
    private var aliasLines: [DomainName: Int] = [:]
    private var otherLines: [DomainName: Int] = [:]

    private struct Content: Hashable {
        let owner: DomainName
        let type: RecordType
        let data: [UInt8]
    }

    init(origin: DomainName, ttl: UInt32) {
        self.origin = origin
        self.ttl = ttl
    }

    mutating func take(_ entry: ZoneEntry) throws(ZoneTextFault) {
        var words = entry.words[...]
        if let first = words.first, first.octets.first == UInt8(ascii: "$"), !entry.ownerOmitted {
            return try takeDirective(first.text, words.dropFirst())
        }
        if records.count == ZoneText.recordsMax { throw .records(limit: ZoneText.recordsMax) }
        let owner = try takeOwner(entry, &words)
        let recordTTL = try takeTTLAndClass(&words)
        let type = try takeType(&words)
        let data = try RecordData(type, origin: origin).octets(words)
        let content = Content(owner: owner, type: type, data: data)
        if !seen.insert(content).inserted { return }
        try checkAlias(owner, type, line: entry.line)
        records.append(
            ZoneRecord(
                owner: owner,
                type: type,
                ttl: recordTTL ?? ttl,
                data: data,
                line: entry.line
            )
        )
    }

    private mutating func takeDirective(
        _ directive: String,
        _ values: ArraySlice<ZoneWord>
    ) throws(ZoneTextFault) {
        let name = directive.uppercased()
        guard name == "$ORIGIN" || name == "$TTL" else { throw .directive(directive) }
        guard let value = values.first, values.count == 1 else { throw .directiveValue(name) }
        if name == "$ORIGIN" {
            origin = try completed(value)
        } else if let duration = seconds(value.octets) {
            ttl = duration
        } else {
            throw .ttl(value.text)
        }
    }

    private mutating func takeOwner(
        _ entry: ZoneEntry,
        _ words: inout ArraySlice<ZoneWord>
    ) throws(ZoneTextFault) -> DomainName {
        if !entry.ownerOmitted, let word = words.popFirst() { previousOwner = try completed(word) }
        guard let previousOwner else { throw .ownerMissing }
        return previousOwner
    }

    /// A name where the text has one outside of record data.
    private func completed(_ word: ZoneWord) throws(ZoneTextFault) -> DomainName {
        if word.quoting != .none { throw .quotedWord(word.text) }
        if word.octets == [UInt8(ascii: "@")] { return origin }
        do {
            let name = try DomainName(word.text)
            return word.isAbsolute ? name : try DomainName(name, under: origin)
        } catch {
            throw .owner(text: word.text, error)
        }
    }

    /// TTL and class stand in any order, and both may be left out.
    private func takeTTLAndClass(
        _ words: inout ArraySlice<ZoneWord>
    ) throws(ZoneTextFault) -> UInt32? {
        var found: UInt32?
        var hasClass = false
        while let word = words.first, let octet = word.octets.first {
            let text = word.text.uppercased()
            if found == nil && octet.isDigit {
                guard let duration = seconds(word.octets) else { throw .ttl(word.text) }
                found = duration
            } else if !hasClass && (text == "IN" || text == "CLASS1") {
                hasClass = true
            } else if ["CH", "CHAOS", "CS", "HS", "NONE", "ANY"].contains(text)
                || text.hasPrefix("CLASS")
            {
                throw .recordClass(word.text)
            } else {
                break
            }
            words.removeFirst()
        }
        return found
    }

    private func takeType(_ words: inout ArraySlice<ZoneWord>) throws(ZoneTextFault) -> RecordType {
        guard let word = words.popFirst() else { throw .typeMissing }
        guard let type = RecordType(word.text) ?? Self.libraryType(word.text) else {
            throw .typeUnknown(word.text)
        }
        // RFC 6895 §3.1: 0 is reserved, 128 ... 255 are question and meta types.
        if type.code == 0 || type == .opt || (128...255).contains(type.code) {
            throw .typeMeta(type)
        }
        return type
    }

    /// Mnemonics that only libldns knows.
    ///
    /// It would read `TYPE1x` as type 1.
    private static func libraryType(_ text: String) -> RecordType? {
        if text.uppercased().hasPrefix("TYPE") { return nil }
        let code = unsafe ldns_get_rr_type_by_name(text).rawValue
        return code == 0 ? nil : UInt16(exactly: code).map { RecordType($0) }
    }

    /// RFC 1034 §3.6.2, RFC 2181 §10.1; signatures and denials may stand beside a CNAME.
    private mutating func checkAlias(
        _ owner: DomainName,
        _ type: RecordType,
        line: Int
    ) throws(ZoneTextFault) {
        let beside: [RecordType] = [.sig, RecordType(25), RecordType(46), RecordType(47)]
        if beside.contains(type) { return }
        let clash = type == .cname ? aliasLines[owner] ?? otherLines[owner] : aliasLines[owner]
        if let clash { throw .aliasClash(owner: owner, otherLine: clash) }
        if type == .cname {
            aliasLines[owner] = line
        } else if otherLines[owner] == nil {
            otherLines[owner] = line
        }
    }
}
