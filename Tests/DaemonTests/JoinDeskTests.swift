import Base
import Daemon
import Testing

@Suite("Those who asked to join", .timeLimit(.minutes(1)))
struct JoinDeskTests {
    private static let addresses = (1...3).compactMap { SocketEndpoint("10.0.0.\($0):7946") }

    @Test("they are answered by the first that answers, or the last that does not, and forgotten")
    func answers() async {
        let (desk, list) = (JoinDesk(), Self.addresses)
        func answer(_ fates: [(Int, JoinDesk.Fate)]) async -> JoinDesk.Answer {
            await desk.wait(for: list, seconds: 30) {
                #expect(desk.count == 1)
                for (index, fate) in fates { desk.settle(list[index], fate) }
            }
        }
        #expect(await answer([(0, .silent), (1, .joined)]) == .joined(list[1]))
        #expect(desk.count == 0)
        #expect(await answer([(0, .silent), (1, .refused), (2, .silent)]) == .silent)
        #expect(desk.count == 0)
        #expect(await answer([(0, .refused), (1, .refused), (2, .refused)]) == .refused)
        #expect(desk.count == 0)
        // Nobody waits for these any more.
        desk.settle(list[0], .joined)
        #expect(desk.count == 0)
    }

    @Test("one whose addresses never settle is answered when its time is over, and forgotten")
    func late() async {
        let desk = JoinDesk()
        #expect(await desk.wait(for: Self.addresses, seconds: 0) {} == .silent)
        #expect(desk.count == 0)
    }

    @Test("one that is cancelled does not wait for its time, and is forgotten")
    func cancelled() async {
        let desk = JoinDesk()
        let waiter = Task { await desk.wait(for: Self.addresses, seconds: 3600) {} }
        while desk.count == 0 { await Task.yield() }
        waiter.cancel()
        #expect(await waiter.value == .silent)
        #expect(desk.count == 0)
    }

    @Test("each is told of its own addresses alone")
    func several() async {
        let (desk, list) = (JoinDesk(), Self.addresses)
        async let first = desk.wait(for: [list[0]], seconds: 30) {}
        async let second = desk.wait(for: [list[1]], seconds: 30) {}
        while desk.count < 2 { await Task.yield() }
        desk.settle(list[1], .joined)
        #expect(await second == .joined(list[1]))
        desk.settle(list[0], .silent)
        #expect(await first == .silent)
        #expect(desk.count == 0)
    }
}
