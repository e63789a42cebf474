import GossipWire

/// AES-GCM as FIPS 197 and SP 800-38D write it down, one bit at a time: slow, and by another hand than
/// whoever seals in a real node.
///
/// For tests alone.
struct Cipher: Sendable {
    private let roundKeys: [[UInt8]]
    private let hashKey: (UInt64, UInt64)

    /// No cipher at all, but quick: for tests of what is around it.
    static let quick = Cipher()

    private init() {
        roundKeys = []
        hashKey = (0, 0)
    }

    init(key: [UInt8]) {
        precondition(SealedFrame.keyOctets.contains(key.count), "a key of \(key.count) octets")
        roundKeys = Self.expand(key)
        hashKey = Self.halves(Self.block([UInt8](repeating: 0, count: 16), roundKeys))
    }

    func seal(_ request: SealRequest) -> [UInt8] {
        let box = counted(request.plain, nonce: request.nonce)
        return box + tag(box, nonce: request.nonce, additional: request.additional)
    }

    func open(_ frame: borrowing SealedFrame) -> [UInt8]? {
        let nonce = frame.nonce.indices.map { frame.nonce[$0] }
        let sealed = frame.box.indices.map { frame.box[$0] }
        let box = Array(sealed.dropLast(16))
        let expected = tag(box, nonce: nonce, additional: frame.additional)
        return expected == Array(sealed.suffix(16)) ? counted(box, nonce: nonce) : nil
    }

    private func counted(_ octets: [UInt8], nonce: [UInt8]) -> [UInt8] {
        if roundKeys.isEmpty { return octets.map { $0 ^ 0x5a } }
        var out = octets
        for start in stride(from: 0, to: octets.count, by: 16) {
            let stream = mask(nonce, counter: UInt32(start / 16) + 2)
            for index in start..<min(start + 16, octets.count) {
                out[index] ^= stream[index - start]
            }
        }
        return out
    }

    private func mask(_ nonce: [UInt8], counter: UInt32) -> [UInt8] {
        let last = (0..<4).map { UInt8(truncatingIfNeeded: counter >> UInt32(24 - 8 * $0)) }
        return Self.block(nonce + last, roundKeys)
    }

    private func tag(_ box: [UInt8], nonce: [UInt8], additional: [UInt8]) -> [UInt8] {
        if roundKeys.isEmpty {
            var sum: UInt8 = 0
            for octet in additional + nonce + box { sum = sum &* 31 &+ octet }
            return [UInt8](repeating: sum, count: 16)
        }
        var sum: (UInt64, UInt64) = (0, 0)
        for part in [additional, box] {
            for start in stride(from: 0, to: part.count, by: 16) {
                let octets = Array(part[start..<min(start + 16, part.count)])
                let padded = octets + [UInt8](repeating: 0, count: 16 - octets.count)
                sum = multiplied(xor(sum, Self.halves(padded)))
            }
        }
        sum = multiplied(xor(sum, (UInt64(additional.count * 8), UInt64(box.count * 8))))
        sum = xor(sum, Self.halves(mask(nonce, counter: 1)))
        return [sum.0, sum.1].flatMap { half in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) }
        }
    }

    private func xor(_ a: (UInt64, UInt64), _ b: (UInt64, UInt64)) -> (UInt64, UInt64) {
        (a.0 ^ b.0, a.1 ^ b.1)
    }

    /// Times the hash key, in GF(2^128).
    private func multiplied(_ value: (UInt64, UInt64)) -> (UInt64, UInt64) {
        var product: (UInt64, UInt64) = (0, 0)
        var factor = hashKey
        for bit in 0..<128 {
            let half = bit < 64 ? value.0 : value.1
            if half >> UInt64(63 - bit % 64) & 1 == 1 { product = xor(product, factor) }
            let carries = factor.1 & 1 == 1
            factor = (factor.0 >> 1, factor.1 >> 1 | factor.0 << 63)
            if carries { factor.0 ^= 0xe1 << 56 }
        }
        return product
    }

    private static func halves(_ octets: [UInt8]) -> (UInt64, UInt64) {
        let halves = [octets[..<8], octets[8...]].map {
            $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        return (halves[0], halves[1])
    }

    private static func doubled(_ octet: UInt8) -> UInt8 {
        octet << 1 ^ (octet & 0x80 == 0 ? 0 : 0x1b)
    }

    private static let substitutes: [UInt8] = {
        var table = [UInt8](repeating: 0x63, count: 256)
        var (p, q): (UInt8, UInt8) = (1, 1)
        repeat {
            p ^= doubled(p)
            q ^= q << 1
            q ^= q << 2
            q ^= q << 4
            if q & 0x80 != 0 { q ^= 0x09 }
            var turned = q
            for bits: UInt8 in 1...4 { turned ^= q << bits | q >> (8 - bits) }
            table[Int(p)] = turned ^ 0x63
        } while p != 1
        return table
    }()

    private static func expand(_ key: [UInt8]) -> [[UInt8]] {
        let words = key.count / 4
        let rounds = words + 6
        var schedule = stride(from: 0, to: key.count, by: 4).map { Array(key[$0..<$0 + 4]) }
        var constant: UInt8 = 1
        for index in words..<4 * (rounds + 1) {
            var word = schedule[index - 1]
            if index % words == 0 {
                word = [word[1], word[2], word[3], word[0]].map { substitutes[Int($0)] }
                word[0] ^= constant
                constant = doubled(constant)
            } else if words > 6, index % words == 4 {
                word = word.map { substitutes[Int($0)] }
            }
            schedule.append(zip(schedule[index - words], word).map { $0 ^ $1 })
        }
        return (0...rounds).map { Array(schedule[4 * $0..<4 * $0 + 4].joined()) }
    }

    private static func block(_ octets: [UInt8], _ keys: [[UInt8]]) -> [UInt8] {
        var state = zip(octets, keys[0]).map { $0 ^ $1 }
        for round in 1..<keys.count {
            var next = [UInt8](repeating: 0, count: 16)
            for column in 0..<4 {
                let shifted = (0..<4).map { substitutes[Int(state[(column + $0) % 4 * 4 + $0])] }
                for row in 0..<4 {
                    next[4 * column + row] = shifted[row]
                    if round == keys.count - 1 { continue }
                    let all = shifted.reduce(0, ^)
                    next[4 * column + row] ^= all ^ doubled(shifted[row] ^ shifted[(row + 1) % 4])
                }
            }
            state = zip(next, keys[round]).map { $0 ^ $1 }
        }
        return state
    }
}
