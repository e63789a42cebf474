/// Why a stream is to be closed.
package enum StreamFault: Error, Hashable, Sendable {
    case label(LabelFault)
    case seal(SealFault)
    /// Plain octets where the ring demands encryption.
    case notSealed
    /// An encrypted frame where the ring has no keys.
    case noKeys
    /// A type that may not come this way over a stream.
    case type(UInt8)
    case message(MessageFault)
    /// A table of more lines than a reader takes, or of less than none.
    case members(claimed: Int, limit: Int)
    /// More octets than a reader takes, or less than none.
    case octets(claimed: Int, limit: Int)
    /// The stream, or what a frame held, ends before its message does.
    case cut

    /// What the other end is told before the stream is closed; nil for silence.
    ///
    /// Only what keeps a message from being seen at all is answered, in the words that peers use.
    /// Source: gossip-wire.md §6.
    package var reply: StreamMessage? {
        switch self {
        case .seal: .error("No installed keys could decrypt the message")
        case .notSealed: .error("Encryption is configured but remote state is not encrypted")
        case .noKeys:
            .error("Remote state is encrypted and encryption is not configured")
        case .message(.algorithm(let number)):
            .error("Cannot decompress unknown algorithm \(number)")
        case .octets(let claimed, let limit):
            .error("Remote node state is larger than limit (\(claimed) > \(limit))")
        case .label, .type, .message, .members, .cut: nil
        }
    }
}
