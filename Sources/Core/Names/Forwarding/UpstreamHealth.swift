import Base

/// How one upstream has behaved of late: how long to wait for it, and whether to ask it first.
///
/// The time is that of TCP (RFC 6298): a smoothed mean and deviation of round trips, in integers. A
/// server that fails three times in a row is *down*: others are asked first, and after a pause that
/// doubles up to half a minute one question is put to it beside the others, so that finding out
/// costs no client anything.
struct UpstreamHealth {
    /// Before anything is known (dns.md F9).
    static let firstMilliseconds: UInt64 = 400
    static let waitMillisecondsMin: UInt64 = 30
    static let waitMillisecondsMax: UInt64 = 1500
    static let failuresMax = 3
    /// Replies in a row that settled nothing (SERVFAIL, REFUSED): many names fail for reasons of
    /// their own, so this takes longer to count against the server.
    static let unusableMax = 8
    static let pauseMillisecondsMin: UInt64 = 1000
    static let pauseMillisecondsMax: UInt64 = 30_000
    /// A server that does not know EDNS is asked without for so long (dns.md F13).
    static let plainMilliseconds: UInt64 = 600_000
    /// Replies with other letters than were sent, until letters are no longer varied.
    static let caseFaultsMax = 3

    private var meanMicroseconds: UInt64 = 0
    private var deviationMicroseconds: UInt64 = 0
    private(set) var failures = 0
    private(set) var askedCount: UInt64 = 0
    private(set) var replyCount: UInt64 = 0
    private(set) var failureCount: UInt64 = 0
    private(set) var askedAt = Moment.zero
    private var unusable = 0
    private var pauseMilliseconds = Self.pauseMillisecondsMin
    /// Until then others are asked first; nil for a server that is up.
    private(set) var downUntil: Moment?
    /// Whether a question is on its way to a server that is down, to see whether it still is.
    var isProbed = false
    private var plainUntil = Moment.zero
    private var caseFaults = 0

    var isDown: Bool { downUntil != nil }

    /// How long the next one waits before another server is asked too.
    var waitMilliseconds: UInt64 {
        if meanMicroseconds == 0 { return Self.firstMilliseconds }
        let wait = (meanMicroseconds + 4 * deviationMicroseconds) / 1000
        return min(max(wait, Self.waitMillisecondsMin), Self.waitMillisecondsMax)
    }

    var smoothedMicroseconds: UInt64 { meanMicroseconds }

    func speaksEDNS(at now: Moment) -> Bool { now >= plainUntil }

    var keepsLetters: Bool { caseFaults < Self.caseFaultsMax }

    func isDueForProbe(at now: Moment) -> Bool {
        guard let downUntil else { return false }
        return downUntil <= now && !isProbed
    }

    mutating func asked(at now: Moment) {
        askedCount += 1
        askedAt = now
    }

    mutating func replied(after microseconds: UInt64, isUsable: Bool, at now: Moment) {
        let sample = max(1, min(microseconds, 4_000_000))
        if meanMicroseconds == 0 {
            meanMicroseconds = sample
            deviationMicroseconds = sample / 2
        } else {
            let error =
                sample > meanMicroseconds ? sample - meanMicroseconds : meanMicroseconds - sample
            deviationMicroseconds = (3 * deviationMicroseconds + error) / 4
            meanMicroseconds = (7 * meanMicroseconds + sample) / 8
        }
        isProbed = false
        if isUsable {
            replyCount += 1
            failures = 0
            unusable = 0
            downUntil = nil
            pauseMilliseconds = Self.pauseMillisecondsMin
        } else {
            failureCount += 1
            unusable += 1
            if unusable >= Self.unusableMax { goDown(at: now) }
        }
    }

    /// It was silent, or nobody listens there.
    mutating func failed(at now: Moment) {
        isProbed = false
        failureCount += 1
        failures += 1
        if failures >= Self.failuresMax { goDown(at: now) }
    }

    /// It asks us: nothing that it is asked will be answered.
    mutating func looped(at now: Moment) {
        isProbed = false
        failureCount += 1
        failures = max(failures + 1, Self.failuresMax)
        goDown(at: now)
    }

    mutating func lacksEDNS(at now: Moment) {
        plainUntil = now.advanced(milliseconds: Self.plainMilliseconds)
    }

    mutating func changedLetters() { caseFaults += 1 }

    private mutating func goDown(at now: Moment) {
        downUntil = now.advanced(milliseconds: pauseMilliseconds)
        pauseMilliseconds = min(pauseMilliseconds * 2, Self.pauseMillisecondsMax)
    }
}
