import Simulation
import Testing

@Suite("Simulation: what happens next")
struct EventQueueTests {
    /// Everything that a queue gives, up to a limit.
    private func drained(_ queue: inout EventQueue, until limit: UInt64) -> [Event] {
        var events: [Event] = []
        while let event = queue.next(until: limit) { events.append(event) }
        return events
    }

    @Test("events come in the order of time, and of one moment in the order of scheduling")
    func order() {
        var queue = EventQueue(start: 1_000_000_000)
        let chance = Chance(seed: 7)
        var times: [UInt64] = []
        for number in 0..<20_000 {
            // From now to an hour ahead, many of them at the same moment.
            let scale = UInt64(1) << chance.below(42, .fault, UInt64(number))
            let time = 1_000_000_000 + chance.below(max(1, scale), .fault, UInt64(number), 1)
            times.append(time)
            queue.schedule(1, at: time, node: UInt32(number))
        }
        let events = drained(&queue, until: .max)
        #expect(events.count == times.count)
        #expect(events.map(\.time) == times.sorted())
        for (earlier, later) in zip(events, events.dropFirst()) where earlier.time == later.time {
            #expect(earlier.node < later.node)
        }
    }

    @Test("what is scheduled while others happen finds its place")
    func meanwhile() {
        var queue = EventQueue(start: 0)
        let chance = Chance(seed: 8)
        for number in 0..<100 { queue.schedule(0, at: UInt64(number) * 1_000_003, node: 0) }
        var last: UInt64 = 0
        var count = 0
        while let event = queue.next(until: .max) {
            #expect(event.time >= last)
            last = event.time
            count += 1
            if count < 50_000 {
                let ahead = chance.below(UInt64(1) << UInt64(count % 40), .fault, UInt64(count))
                queue.schedule(0, at: event.time + ahead, node: 0)
            }
        }
        #expect(count == 50_000 + 99)
        #expect(queue.count == 0)
    }

    @Test("nothing beyond the limit is given, and it is there later")
    func limit() {
        var queue = EventQueue(start: 0)
        for time in [5, 1_048_576, 4_294_967_296, 9_000_000_000] as [UInt64] {
            queue.schedule(0, at: time, node: 0)
        }
        #expect(drained(&queue, until: 4).isEmpty)
        #expect(drained(&queue, until: 4_294_967_295).map(\.time) == [5, 1_048_576])
        #expect(drained(&queue, until: 4_294_967_296).map(\.time) == [4_294_967_296])
        #expect(queue.count == 1)
        #expect(drained(&queue, until: .max).map(\.time) == [9_000_000_000])
    }

    @Test("a time that has passed is now")
    func passed() {
        var queue = EventQueue(start: 10_000_000)
        queue.schedule(0, at: 20_000_000, node: 1)
        #expect(queue.next(until: .max)?.node == 1)
        queue.schedule(0, at: 12_000_000, node: 2)
        queue.schedule(0, at: 21_000_000, node: 3)
        #expect(queue.next(until: .max)?.node == 2)
        #expect(queue.next(until: .max)?.node == 3)
    }

    @Test("a pool gives a number out again only once its value was taken")
    func pool() {
        var pool = Pool<String>()
        let a = pool.put("a")
        let b = pool.put("b")
        #expect(a != b)
        #expect(pool.take(a) == "a")
        #expect(pool.put("c") == a)
        #expect(pool[b] == "b")
        #expect(pool.count == 2)
    }
}
