package import Base
import CLDNS

/// Why zone text was refused: where, and what is wrong there.
///
/// Nothing of the text was taken.
package struct ZoneTextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the file as the caller gave it.
    package let file: String
    /// Counted from 1: the line of the fault, or the first line of the record that is at fault.
    package let line: Int
    package let reason: ZoneTextFault

    package init(file: String, line: Int, reason: ZoneTextFault) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    /// `static.zone:7: the class is CH; write IN or nothing`.
    package var description: String { "\(file):\(line): \(reason)" }
}

/// What is wrong with a line of zone text.
package enum ZoneTextFault: Error, Hashable, Sendable {
    /// More octets than `ZoneText.fileOctetsMax`.
    case fileOctets(have: Int, limit: Int)
    case lineOctets(limit: Int)
    /// One record, comments and line ends not counted, is longer than allowed.
    case recordOctets(limit: Int)
    case records(limit: Int)
    /// A control octet other than a tab and a line end.
    case controlOctet(UInt8)
    /// A parenthesis without its partner.
    case parenthesis
    /// A quotation mark without its partner in the same line.
    case quote
    /// Quotation marks around or inside a word that may not have them.
    case quotedWord(String)
    /// A backslash not followed by a printable character or by three digits up to 255.
    case escape
    /// A word starting with `$` that is not `$ORIGIN` or `$TTL`.
    case directive(String)
    /// `$ORIGIN` or `$TTL` with no value, or with more than one.
    case directiveValue(String)
    /// The first record of the text leaves its owner out.
    case ownerMissing
    case owner(text: String, NameError)
    /// Not a number of seconds or a duration such as `1h30m`, or over 2^31-1 seconds.
    case ttl(String)
    case recordClass(String)
    case typeMissing
    case typeUnknown(String)
    /// A meta type, which no zone holds.
    case typeMeta(RecordType)
    /// A type whose own text form is not read; only `\# LENGTH HEX` is.
    case typeGenericOnly(RecordType)
    /// `\# LENGTH HEX` that is badly formed, too long or impossible for the type.
    case generic(RecordType)
    case name(text: String, NameError)
    /// A name in the record data whose first label is `@`, which libldns takes for the origin.
    case nameAt(text: String)
    /// A field that is not a plain decimal number from 0 to `max`.
    case number(text: String, max: UInt32)
    /// A field of hexadecimal digits with an odd number of them.
    case hexadecimal
    /// More character strings in one record than allowed.
    case strings(limit: Int)
    /// Record data that libldns refuses, with its own status number.
    case data(RecordType, status: UInt32)
    /// Record data that libldns takes, but whose octets are not a record of the type.
    case malformed(RecordType)
    /// A CNAME beside other records, or a second CNAME, at one owner.
    case aliasClash(owner: DomainName, otherLine: Int)
    /// Not exactly one record where one was asked for.
    case recordCount(Int)
}

extension ZoneTextFault: CustomStringConvertible {
    /// What is wrong and what to do, in one line.
    package var description: String {
        switch self {
        case .fileOctets, .lineOctets, .recordOctets, .records, .strings: limitText
        case .controlOctet(let octet): "octet \(octet) is a control character; remove it"
        case .parenthesis: "a parenthesis has no partner; close it or remove it"
        case .quote: "a quotation mark has no partner in its line; close it or write \\\""
        case .quotedWord(let text): "\(text) may not be quoted here; remove the quotation marks"
        case .escape: "a backslash is followed by no character; write \\X or \\DDD up to 255"
        case .directive(let text): "\(text) is not read; only $ORIGIN and $TTL are"
        case .directiveValue(let text): "\(text) needs exactly one value"
        case .ownerMissing: "no record before this one has an owner; write the owner or @"
        case .owner(let text, let error): "\(text) is not an owner: \(error); correct the name"
        case .ttl(let text): "\(text) is not a TTL; write seconds up to 2147483647 or 1h30m"
        case .recordClass(let text): "the class is \(text); write IN or nothing"
        case .typeMissing: "the type is missing; write OWNER [TTL] [IN] TYPE DATA"
        case .typeUnknown(let text): "\(text) is no known type; write TYPEn \\# LENGTH HEX"
        case .typeMeta(let type): "no zone can hold \(type); remove the record"
        case .typeGenericOnly(let type): "\(type) is read only as \\# LENGTH HEX"
        case .generic(let type): "\\# LENGTH HEX does not describe a record of type \(type)"
        case .name(let text, let error): "\(text) is not a name: \(error); correct it"
        case .nameAt(let text): "\(text) starts with the label @; write @ alone for the origin"
        case .number(let text, let max): "\(text) is not a number from 0 to \(max)"
        case .hexadecimal: "an odd number of hexadecimal digits; write two per octet"
        case .data(let type, let status):
            "the data do not fit type \(type): \(libraryText(status)); correct them"
        case .malformed(let type): "the data make no whole record of type \(type); correct them"
        case .aliasClash(let owner, let line):
            "\(owner) has a CNAME and another record (line \(line)); keep one of them"
        case .recordCount(let count): "\(count) records where one is needed"
        }
    }

    private var limitText: String {
        switch self {
        case .fileOctets(let have, let limit):
            "\(have) octets, allowed are \(limit); split the file"
        case .lineOctets(let limit): "the line is longer than \(limit) octets; split it with ( )"
        case .recordOctets(let limit): "the record is longer than \(limit) octets; shorten it"
        case .records(let limit): "more than \(limit) records; split the file"
        case .strings(let limit): "more than \(limit) strings in one record; join some of them"
        default: preconditionFailure("not a limit: \(self)")
        }
    }
}

/// The library's own words for one of its status numbers.
func libraryText(_ status: UInt32) -> String {
    // The table is static and never freed; numbers outside it give a null pointer.
    guard let text = unsafe ldns_get_errorstr_by_id(ldns_status(status)) else {
        return "libldns status \(status)"
    }
    return unsafe String(cString: text)
}
