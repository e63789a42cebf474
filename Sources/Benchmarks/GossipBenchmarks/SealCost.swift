import Crypto
import Foundation
import Gossip
import GossipNode
import GossipWire

/// What sealing and opening one datagram costs, and how much of it is the library's alone.
///
/// The library is given its own values, made before: what is left is a key schedule, the cipher and the
/// memory for its answer, none of which a caller can spare it.
struct SealCost {
    private static let rounds = 5
    private static let datagramsPerRound = 20_000

    private let key: RingKey
    private let datagrams: [[UInt8]]

    init() throws {
        key = try RingKey(Array(0..<16))
        datagrams = try Row.recorded("memberlist-aes128")
    }

    /// One line, as the rows of datagrams have one.
    func report() throws {
        let symmetric = SymmetricKey(data: key.octets)
        let boxes = try datagrams.map { try AES.GCM.SealedBox(combined: Data($0.dropFirst())) }
        let plain = try boxes.map { try AES.GCM.open($0, using: symmetric) }
        let nonces = boxes.map(\.nonce)
        var cipher = KeyCipher(try KeyRing([key]))
        let requests = zip(plain, nonces).map {
            SealRequest(plain: [UInt8]($0), nonce: [UInt8]($1), additional: [])
        }
        var reader = PacketReader(RingRules(encryption: .required))
        let libraryOpens = try least {
            try AES.GCM.open(boxes[$0], using: symmetric).count
        }
        let librarySeals = try least {
            try AES.GCM.seal(plain[$0], using: symmetric, nonce: nonces[$0]).ciphertext.count
        }
        let opens = try least { index in
            let datagram = datagrams[index]
            var octets = 0
            // What is opened is given back as if no key had opened it, so that nobody reads it.
            _ = reader.read(datagram.span) { (frame: borrowing SealedFrame) -> [UInt8]? in
                octets = cipher.open(frame)?.count ?? 0
                return nil
            } each: { _, _ in
            }
            return octets
        }
        let seals = try least { cipher.seal(requests[$0]).count }
        let octets = datagrams.reduce(0) { $0 + $1.count } / datagrams.count
        let columns = [opens, libraryOpens, seals, librarySeals].map { String(format: "%.2f", $0) }
        print(
            "AES-GCM, \(octets) octets: opened in \(columns[0]) us, by the library \(columns[1]); "
                + "sealed in \(columns[2]) us, by the library \(columns[3])"
        )
    }

    /// Microseconds for each datagram, in the fastest round; the work gives a number that is never zero.
    private func least(_ work: (Int) throws -> Int) throws -> Double {
        var least = Double.infinity
        for _ in 0..<Self.rounds {
            let start = ContinuousClock.now
            var sum = 0
            for number in 0..<Self.datagramsPerRound { sum += try work(number % datagrams.count) }
            let took = start.duration(to: .now) / .microseconds(1)
            precondition(sum > 0, "nothing was done")
            least = min(least, took / Double(Self.datagramsPerRound))
        }
        return least
    }
}
