import LinuxSystem
import Synchronization
import Testing

@Suite("A ring of records between two threads")
struct RecordRingTests {
    @Test("records come out whole and in order, and one that finds no room is refused")
    func order() {
        let ring = RecordRing(capacity: 3, recordOctets: 4)
        func put(_ octets: [UInt8]) -> Bool {
            ring.write { out in for octet in octets { out.append(octet) } }
        }
        func take() -> [UInt8]? {
            var octets: [UInt8] = []
            let isThere = ring.read { record in
                for index in record.indices { octets.append(record[index]) }
            }
            return isThere ? octets : nil
        }
        #expect(take() == nil)
        for round in UInt8(0)..<5 {
            #expect(put([round]) && put([round, 2, 3, 4]) && put([]))
            #expect(!put([9]))
            #expect(take() == [round])
            #expect(take() == [round, 2, 3, 4])
            #expect(take() == [])
            #expect(take() == nil)
        }
    }

    @Test("what one thread writes another reads, none twice and none torn")
    func threads() throws {
        let ring = RecordRing(capacity: 64, recordOctets: 40)
        let refused = Atomic<Int>(0)
        let count = 50_000
        let writer = try PinnedThread(name: "writer") {
            for number in 0..<count {
                let octet = UInt8(truncatingIfNeeded: number)
                let isWritten = ring.write { out in
                    for _ in 0...number % 40 { out.append(octet) }
                }
                if !isWritten { refused.add(1, ordering: .relaxed) }
            }
        }
        var seen = 0
        var torn = 0
        func drain() {
            while ring.read({ record in
                for index in record.indices where record[index] != record[0] { torn += 1 }
            }) {
                seen += 1
            }
        }
        for _ in 0..<1000 { drain() }
        writer.join()
        drain()
        #expect(torn == 0)
        #expect(seen > 0 && seen + refused.load(ordering: .relaxed) == count)
    }
}
