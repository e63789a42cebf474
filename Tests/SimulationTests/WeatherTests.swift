import Simulation
import Testing

@Suite("Simulation: the network")
struct WeatherTests {
    private func fates(
        _ weather: inout Weather,
        from: Int = 0,
        to: Int = 1,
        _ count: Int
    )
        -> [Weather.Fate]
    {
        (0..<count).map { _ in weather.fate(from: from, to: to) }
    }

    private func delays(_ fates: [Weather.Fate]) -> [UInt64] {
        fates.compactMap { fate in
            if case .arrives(let delay, _) = fate { delay } else { nil }
        }
    }

    @Test("a way takes a quarter of a millisecond in the middle, and rarely five")
    func delay() {
        var weather = Weather(nodes: 2, chance: Chance(seed: 1))
        let sorted = delays(fates(&weather, 40_000)).sorted()
        #expect(sorted.count == 40_000)
        #expect((240_000...260_000).contains(sorted[20_000]))
        // A standard deviation to each side of a log-normal of 0.4.
        #expect((160_000...176_000).contains(sorted[6346]))
        #expect((360_000...386_000).contains(sorted[33_654]))
        let late = sorted.filter { $0 > 5_000_000 }.count
        #expect((8...36).contains(late))
    }

    @Test("as much is lost as was asked for, on the way that was asked for")
    func loss() {
        var weather = Weather(nodes: 3, chance: Chance(seed: 2))
        weather.loss = Millionths(percent: 10)
        #expect((8500...9500).contains(delays(fates(&weather, 10_000)).count))
        weather.inbound[2] = Millionths(percent: 50)
        #expect((4100...4900).contains(delays(fates(&weather, from: 0, to: 2, 10_000)).count))
        #expect((8500...9500).contains(delays(fates(&weather, from: 2, to: 0, 10_000)).count))
        weather.loss = .none
        weather.outbound[2] = .all
        #expect(delays(fates(&weather, from: 2, to: 0, 100)).isEmpty)
        #expect(delays(fates(&weather, from: 0, to: 1, 100)).count == 100)
    }

    @Test("as many come twice as was asked for")
    func duplicates() {
        var weather = Weather(nodes: 2, chance: Chance(seed: 3))
        weather.duplicates = Millionths(percent: 20)
        let twice = fates(&weather, 10_000).filter { fate in
            if case .arrives(_, .some) = fate { true } else { false }
        }
        #expect((1800...2200).contains(twice.count))
    }

    @Test("a wall stands one way only, and may fall")
    func walls() {
        var weather = Weather(nodes: 2, chance: Chance(seed: 4))
        weather.group[1] = 3
        weather.wall(from: 0, to: 3, stands: true)
        #expect(weather.fate(from: 0, to: 1) == .walled)
        #expect(delays([weather.fate(from: 1, to: 0)]).count == 1)
        #expect(weather.streamDelay(from: 1, to: 0, number: 1, limit: .max) == nil)
        weather.wall(from: 0, to: 3, stands: false)
        #expect(delays([weather.fate(from: 0, to: 1)]).count == 1)
    }

    @Test("streams pass where datagrams do not")
    func streams() throws {
        var weather = Weather(nodes: 2, chance: Chance(seed: 5))
        weather.isDatagramless[1] = true
        #expect(weather.fate(from: 0, to: 1) == .walled)
        #expect(weather.fate(from: 1, to: 0) == .walled)
        let delay = try #require(weather.streamDelay(from: 0, to: 1, number: 1, limit: .max))
        #expect((200_000...20_000_000).contains(delay))
    }

    @Test("what becomes of a datagram depends on its place between the two and on nothing else")
    func independence() {
        var one = Weather(nodes: 3, chance: Chance(seed: 6))
        var other = Weather(nodes: 3, chance: Chance(seed: 6))
        one.loss = Millionths(percent: 30)
        other.loss = Millionths(percent: 30)
        let alone = fates(&one, from: 0, to: 1, 500)
        var among: [Weather.Fate] = []
        for number in 0..<500 {
            for _ in 0..<(number % 3) { _ = other.fate(from: 0, to: 2) }
            among.append(other.fate(from: 0, to: 1))
            _ = other.fate(from: 2, to: 1)
        }
        #expect(alone == among)
        var third = Weather(nodes: 3, chance: Chance(seed: 7))
        third.loss = Millionths(percent: 30)
        #expect(fates(&third, from: 0, to: 1, 500) != alone)
    }
}
