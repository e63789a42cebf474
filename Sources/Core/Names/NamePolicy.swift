/// How local names are answered: the choices of the configuration that reach the records.
package struct NamePolicy: Hashable, Sendable {
    package enum Profile: String, Hashable, Sendable, CaseIterable {
        /// The better behaviour of the specifications.
        case waggle
        /// dockerd 20.10.24 as observed: TTL 600, AA=0, no OPT in local replies, types other than
        /// A, AAAA and PTR of a local name forwarded, no SOA.
        case docker
    }

    package var profile: Profile
    /// Seconds, for addresses of tasks and containers.
    package var taskTTL: UInt32
    /// Seconds, for virtual addresses of services.
    package var vipTTL: UInt32
    /// Seconds, for answers that say "nothing here" (RFC 2308 §5).
    package var negativeTTL: UInt32

    package init(
        profile: Profile = .waggle,
        taskTTL: UInt32 = 5,
        vipTTL: UInt32 = 30,
        negativeTTL: UInt32 = 5
    ) {
        let docker = profile == .docker
        self.profile = profile
        self.taskTTL = docker ? 600 : taskTTL
        self.vipTTL = docker ? 600 : vipTTL
        self.negativeTTL = negativeTTL
    }
}
