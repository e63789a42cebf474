/// Bounds on TCP clients; docs/configuration.md tells them to operators.
///
/// Source: RFC 7766 §6, RFC 9210; dns.md §1.7.
enum StreamLimits {
    /// Connections of one worker: one from each of 1,000 sandboxes.
    static let connectionsMax = 1024
    /// Connections of one client address in one sandbox, which in a container is everybody there.
    static let connectionsPerClientMax = 64
    /// Connections taken from one listener in a turn: far fewer than a client may have, so that
    /// who has asked is read before somebody newer can take its place.
    static let acceptedPerTurnMax = 16
    /// A connection without a question.
    static let idleMilliseconds: UInt64 = 10_000
    /// From a message's first octet to its last.
    static let readMilliseconds: UInt64 = 2_000
    /// A client that does not take its replies.
    static let writeMilliseconds: UInt64 = 2_000
    /// Octets read from one connection in a turn.
    static let readOctetsMax = 16_384
    /// Messages of one connection answered in a turn.
    static let messagesPerTurnMax = 16
    /// Replies waiting for one client, in octets.
    static let queueOctetsMax = 65_537
    /// Questions of one connection that wait for an upstream.
    static let forwardedMax = 64
    /// Octets that all connections of one worker hold in inboxes and outboxes.
    static let heldOctetsMax = 16 << 20
}
