/// What is read of a manager's message at most.
package enum WireLimits {
    /// Members in one list of a membership, and steps of one change.
    package static let membersMax = 256
    /// What goes along with a change of the membership, such as addresses.
    package static let contextOctetsMax = 64 << 10
    /// One entry's command; what is proposed is held to `RaftRules.entryOctetsMax`, which is less.
    package static let commandOctetsMax = 4 << 20
    /// A chunk of a snapshot.
    package static let chunkOctetsMax = 4 << 20
    /// A message as a whole: one largest entry, or many that are together as large as one message may be.
    package static let messageOctetsMax = 8 << 20
}
