/// How long one way takes in a local network, without floating point.
///
/// Log-normal around a quarter of a millisecond with a spread of 0.4, and 5 ms for one in 2,000. Source:
/// gossip-scale.md §4.4.
package enum DelayTable {
    /// Quantiles in nanoseconds at each 64th, the outermost at 0.05 % and 99.95 %.
    private static let quantiles: [UInt32] = [
        67_037, 105_627, 118_673, 127_879, 135_343, 141_789, 147_563, 152_859,
        157_799, 162_464, 166_912, 171_186, 175_318, 179_335, 183_257, 187_102,
        190_884, 194_615, 198_305, 201_966, 205_604, 209_228, 212_844, 216_461,
        220_083, 223_718, 227_370, 231_047, 234_754, 238_496, 242_280, 246_113,
        250_000, 253_948, 257_966, 262_059, 266_237, 270_508, 274_882, 279_370,
        283_984, 288_736, 293_642, 298_718, 303_983, 309_459, 315_171, 321_148,
        327_424, 334_042, 341_050, 348_509, 356_495, 365_101, 374_450, 384_701,
        396_074, 408_873, 423_547, 440_795, 461_789, 488_743, 526_659, 591_707,
        932_316,
    ]
    private static let tail = Millionths(500)
    private static let tailNanoseconds: UInt64 = 5_000_000

    /// The way that 64 even bits mean, in nanoseconds.
    package static func nanoseconds(_ bits: UInt64) -> UInt64 {
        let place = (bits >> 32).multipliedReportingOverflow(by: 64).partialValue
        let index = Int(place >> 32)
        let within = place & 0xffff_ffff
        let low = UInt64(quantiles[index])
        let high = UInt64(quantiles[index + 1])
        let way = low + ((high - low) * within) >> 32
        return tail.contains(bits << 32) ? way + tailNanoseconds : way
    }
}
