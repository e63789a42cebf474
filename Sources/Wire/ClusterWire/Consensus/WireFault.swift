/// Why octets are no message of a manager.
package enum WireFault: Error, Hashable, Sendable {
    /// They end within a field.
    case truncated(offset: Int)
    /// A number that is too large for its field, or a flag that is neither.
    case number(offset: Int)
    /// Another version of the form than this one.
    case version(UInt8)
    /// A kind that is not known, perhaps not yet.
    case kind(UInt8, offset: Int)
    /// More of something than may be.
    case tooMany(limit: Int, offset: Int)
    /// Something follows the end.
    case trailing(offset: Int)
}
