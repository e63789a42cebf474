package import Names

/// What a worker owns and nobody else can read: how it was when somebody asked.
package struct WorkerSight: Sendable {
    package var upstreams: [Forwarder.UpstreamReport] = []
    /// Replies of upstreams that are kept, their octets, and how many had to go for others.
    package var cacheCount = 0
    package var cacheOctets = 0
    package var cacheEvictions: UInt64 = 0
    /// Questions on their way to upstreams.
    package var exchangeCount = 0
    /// The names asked for most, among those sampled.
    package var names: [BusyNames.Entry] = []
}
