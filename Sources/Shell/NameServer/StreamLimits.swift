/// Bounds on TCP clients.
///
/// Source: RFC 7766 §6, RFC 9210; dns.md §1.7.
enum StreamLimits {
    /// Connections of one worker.
    static let connectionsMax = 256
    /// Connections of one client address in one sandbox.
    static let connectionsPerClientMax = 16
    /// A connection without a question.
    static let idleMilliseconds: UInt64 = 10_000
    /// From a message's first octet to its last.
    static let readMilliseconds: UInt64 = 2_000
    /// A client that does not take its replies.
    static let writeMilliseconds: UInt64 = 2_000
    /// Replies waiting for one client, in octets.
    static let queueOctetsMax = 65_537
    /// Questions of one connection that wait for an upstream.
    static let forwardedMax = 64
}
