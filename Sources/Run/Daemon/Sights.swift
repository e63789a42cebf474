import Base
import NameServer
import Names

/// What all workers know together, at the moment somebody asks.
struct Sights {
    /// One upstream over all workers.
    struct UpstreamTotal {
        let upstream: Upstream
        /// Down for every worker that has asked it.
        var isDown = true
        var asked: UInt64 = 0
        var replies: UInt64 = 0
        var failures: UInt64 = 0
        /// Of the worker that waits longest.
        var roundTripMicroseconds: UInt64 = 0
    }

    struct BusyName {
        let name: DomainName
        var count: UInt64 = 0
        var excess: UInt64 = 0
    }

    /// Series that metrics and tables have at most for upstreams.
    static let upstreamsMax = 256

    private(set) var cacheCount = 0
    private(set) var cacheOctets = 0
    private(set) var cacheEvictions: UInt64 = 0
    private(set) var exchangeCount = 0
    /// The busiest first, at most `upstreamsMax`.
    private(set) var upstreams: [UpstreamTotal] = []
    /// The busiest first.
    private(set) var names: [BusyName] = []

    init(_ sights: [WorkerSight]) {
        var totals: [Upstream: UpstreamTotal] = [:]
        var busy: [DomainName: BusyName] = [:]
        for sight in sights {
            cacheCount += sight.cacheCount
            cacheOctets += sight.cacheOctets
            cacheEvictions &+= sight.cacheEvictions
            exchangeCount += sight.exchangeCount
            for report in sight.upstreams {
                var total = totals[report.upstream] ?? UpstreamTotal(upstream: report.upstream)
                total.isDown = total.isDown && report.isDown
                total.asked &+= report.askedCount
                total.replies &+= report.replyCount
                total.failures &+= report.failureCount
                total.roundTripMicroseconds = max(
                    total.roundTripMicroseconds,
                    report.roundTripMicroseconds
                )
                totals[report.upstream] = total
            }
            for entry in sight.names {
                var name = busy[entry.name] ?? BusyName(name: entry.name)
                name.count &+= entry.count
                name.excess &+= entry.excess
                busy[entry.name] = name
            }
        }
        let sorted = totals.values.sorted { ($1.asked, $0.upstream) < ($0.asked, $1.upstream) }
        upstreams = Array(sorted.prefix(Self.upstreamsMax))
        names = busy.values.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }
}
