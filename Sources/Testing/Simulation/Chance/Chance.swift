/// Chance as a function: what falls depends on the seed and on what is asked for, never on how often
/// others asked.
///
/// So a habit that throws dice does not change the weather of the network, and two presets of one seed
/// meet the same faults. Source: Salmon and others, "Parallel random numbers: as easy as 1, 2, 3",
/// 2011; the mixing is splitmix64's.
package struct Chance: Hashable, Sendable {
    /// What is drawn for; each has numbers of its own.
    package enum Purpose: UInt64, Sendable {
        case delay, loss, duplicate, stream, engine, join, fault, subject
    }

    package let seed: UInt64

    package init(seed: UInt64) {
        self.seed = seed
    }

    /// 64 even bits for these numbers.
    @inline(__always)
    package func draw(_ purpose: Purpose, _ a: UInt64, _ b: UInt64 = 0, _ c: UInt64 = 0) -> UInt64 {
        var state = Self.mix(seed &+ (purpose.rawValue &+ 1) &* 0x9e37_79b9_7f4a_7c15)
        state = Self.mix(state ^ (a &+ 0x9e37_79b9_7f4a_7c15))
        state = Self.mix(state ^ (b &+ 0xbf58_476d_1ce4_e5b9))
        return Self.mix(state ^ (c &+ 0x94d0_49bb_1331_11eb))
    }

    /// A number below `bound`; the bias is less than `bound` in 2^64.
    @inline(__always)
    package func below(
        _ bound: UInt64,
        _ purpose: Purpose,
        _ a: UInt64,
        _ b: UInt64 = 0,
        _ c: UInt64 = 0
    ) -> UInt64 {
        draw(purpose, a, b, c).multipliedFullWidth(by: bound).high
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A share in millionths, as chances are given.
package struct Millionths: Hashable, Sendable {
    package let value: UInt32

    package init(_ value: UInt32) {
        precondition(value <= 1_000_000, "\(value) millionths")
        self.value = value
    }

    package init(percent: UInt32) {
        self.init(10_000 * percent)
    }

    package static let none = Millionths(0)
    package static let all = Millionths(1_000_000)

    /// Whether 64 even bits fall into the share.
    @inline(__always)
    package func contains(_ bits: UInt64) -> Bool {
        value != 0 && bits.multipliedFullWidth(by: 1_000_000).high < UInt64(value)
    }
}
