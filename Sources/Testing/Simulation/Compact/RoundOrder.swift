/// The order in which a node probes the others, as a function instead of a list.
///
/// A permutation of `0 ..< count` for each key: a Feistel network over a table of about as many cells,
/// which is walked again where it leaves the range. Every member comes once in a round, and a round of
/// 100,000 costs no memory. Source: Black, Rogaway, "Ciphers with arbitrary finite domains", 2002, §4-5.
package struct RoundOrder: Hashable, Sendable {
    private static let rounds: UInt64 = 6

    private let count: UInt32
    private let rows: UInt32
    private let columns: UInt32

    /// `count`: from 1 to 2^31.
    package init(count: Int) {
        precondition(count > 0 && count <= 1 << 31, "a round of \(count)")
        self.count = UInt32(count)
        var side: UInt32 = 1
        while UInt64(side) * UInt64(side) < UInt64(count) { side += 1 }
        columns = side
        rows = (self.count + side - 1) / side
    }

    /// Who stands at `place` of the round that `key` names.
    @inline(__always)
    package func member(at place: Int, key: UInt64) -> Int {
        var cell = UInt32(place)
        repeat { cell = permuted(cell, key) } while cell >= count
        return Int(cell)
    }

    @inline(__always)
    private func permuted(_ cell: UInt32, _ key: UInt64) -> UInt32 {
        var (row, column) = cell.quotientAndRemainder(dividingBy: columns)
        for round in 0..<Self.rounds {
            if round & 1 == 0 {
                row = Self.sum(row, Self.word(key, round, column), below: rows)
            } else {
                column = Self.sum(column, Self.word(key, round, row), below: columns)
            }
        }
        return row * columns + column
    }

    @inline(__always)
    private static func word(_ key: UInt64, _ round: UInt64, _ half: UInt32) -> UInt64 {
        Dice.mix(key ^ (round << 32 | UInt64(half)) &* 0x9e37_79b9_7f4a_7c15)
    }

    @inline(__always)
    private static func sum(_ half: UInt32, _ word: UInt64, below bound: UInt32) -> UInt32 {
        let sum = half + UInt32(word.multipliedFullWidth(by: UInt64(bound)).high)
        return sum >= bound ? sum - bound : sum
    }
}
