import CLDNS

/// Why octets are not a DNS message.
package enum MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libldns refuses the message, with its own status number.
    case refused(status: UInt32)
    /// The record at `offset` does not end where its length says.
    case recordLength(offset: Int)
    /// Octets after the last record that the header counts.
    case trailing(octets: Int)
    /// More than one OPT record, or one outside the additional section (RFC 6891 §6.1.1).
    case optPlace(offset: Int)
    /// An OPT record with another owner than the root.
    case optOwner(offset: Int)
    /// EDNS options that do not fill their record.
    case optionLength
    /// More than one TSIG record; libldns would lose one of them.
    case tsigPlace(offset: Int)

    package var description: String {
        switch self {
        case .refused(let status): "not a DNS message: \(libraryText(status))"
        case .recordLength(let offset): "the record at octet \(offset) has a wrong length"
        case .trailing(let octets): "\(octets) octets follow the last record"
        case .optPlace(let offset): "an OPT record at octet \(offset) is one too many or misplaced"
        case .optOwner(let offset): "the OPT record at octet \(offset) is not owned by the root"
        case .optionLength: "the EDNS options do not fill their record"
        case .tsigPlace(let offset): "a TSIG record at octet \(offset) is one too many"
        }
    }
}

extension MessageHandle {
    /// Parses a message or says why not, in the words of callers outside this room.
    static func parsed(_ octets: [UInt8]) throws(MessageError) -> MessageHandle {
        do {
            return try MessageHandle(octets)
        } catch {
            throw .refused(status: error.number)
        }
    }
}
