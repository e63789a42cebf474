/// A seeded xoshiro256** generator: the only source of chance in the cores.
///
/// Two generators with one seed give the same numbers for ever, which is what makes a simulated
/// run repeatable. Not for secrets: upstream query ids come from the kernel (`LinuxSystem`).
/// Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2019.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    /// Any seed is good: it is spread over the state by splitmix64.
    package init(seed: UInt64) {
        var state = seed
        func splitmix() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        a = splitmix()
        b = splitmix()
        c = splitmix()
        d = splitmix()
    }

    package mutating func next() -> UInt64 {
        let scrambled = b &* 5
        let result = ((scrambled << 7) | (scrambled >> 57)) &* 9
        let shifted = b << 17
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = (d << 45) | (d >> 19)
        return result
    }

    /// A uniform number in `0 ..< bound`, without the bias of a remainder.
    ///
    /// Source: Lemire, "Fast random integer generation in an interval", 2019.
    package mutating func below(_ bound: UInt32) -> UInt32 {
        precondition(bound > 0, "an empty interval has no member")
        var product = UInt64(next() >> 32) * UInt64(bound)
        if UInt32(truncatingIfNeeded: product) < bound {
            let threshold = (0 &- bound) % bound
            while UInt32(truncatingIfNeeded: product) < threshold {
                product = UInt64(next() >> 32) * UInt64(bound)
            }
        }
        return UInt32(truncatingIfNeeded: product >> 32)
    }
}
