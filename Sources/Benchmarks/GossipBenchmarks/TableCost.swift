import Base
import Foundation
import Gossip
import GossipWire

/// What a datagram of table events costs to read, and to write again from what they say.
///
/// Five endpoints of usual names, as many as a datagram holds (networkdb-dns.md A15.11).
struct TableCost {
    private static let rounds = 5
    private static let messagesPerRound = 20_000

    private let rumours: [TableRumour]
    private let datagram: [UInt8]

    init() {
        let digits = Array("0123456789abcdef".utf8)
        rumours = (0..<5).map { number in
            let id = (0..<64).map { digits[(number * 7 + $0 * 3) % 16] }
            var record = EndpointRecord(name: Array("web.\(number).0123456789abcdefghijklmno".utf8))
            record.serviceName = Array("web".utf8)
            record.serviceID = Array("abcdefghijklmnopqrstuvwxy".utf8)
            record.virtualAddress = IPv4Address(10, 0, 1, 2)
            record.address = IPv4Address(10, 0, 1, UInt8(number + 3))
            record.taskAliases = [Array(id[..<12])]
            let event = TableEvent(
                .create,
                EntryKey(.endpoints, id),
                in: NetworkID("0123456789abcdefghijklmno"),
                owner: NodeName("0123456789ab"),
                at: LamportTime(UInt64(1000 + number)),
                value: record.octets
            )
            return TableRumour(writing: .table(event))
        }
        datagram = TableMessage.rumours(rumours).octets
    }

    /// One line, as the rows of datagrams have one.
    func report() {
        let read = Self.least {
            var count = 0
            for _ in 0..<Self.messagesPerRound {
                if case .rumours(let rumours) = (try? TableReading(datagram.span))?.message {
                    count += rumours.count
                }
            }
            return count
        }
        let pass = Self.least {
            var count = 0
            for _ in 0..<Self.messagesPerRound {
                count += TableMessage.rumours(rumours).octets.count
            }
            return count
        }
        let write = Self.least {
            var count = 0
            for _ in 0..<Self.messagesPerRound {
                let written = rumours.map { TableRumour(writing: $0.content) }
                count += TableMessage.rumours(written).octets.count
            }
            return count
        }
        let columns = [read, pass, write].map { String(format: "%.2f", $0) }
        print(
            "five endpoints' events, \(datagram.count) octets: read \(columns[0]) us, "
                + "passed on \(columns[1]) us, written anew \(columns[2]) us"
        )
    }

    /// Microseconds for each message, in the fastest round; the work gives a number that is never zero.
    private static func least(_ work: () -> Int) -> Double {
        var least = Double.infinity
        for _ in 0..<rounds {
            let start = ContinuousClock.now
            let sum = work()
            let took = start.duration(to: .now) / .microseconds(1)
            precondition(sum > 0, "nothing was done")
            least = min(least, took / Double(messagesPerRound))
        }
        return least
    }
}
