import Base
import Names
import Testing

@Suite("Deadlines")
struct DeadlinesTests {
    @Test("one that is moved ten thousand times is due once, at its last moment")
    func moved() {
        var deadlines = Deadlines<Int>()
        deadlines.set(7, at: Moment(nanoseconds: 50_000))
        for step in 1...10_000 { deadlines.set(1, at: Moment(nanoseconds: UInt64(step))) }
        #expect(deadlines.earliest() == Moment(nanoseconds: 10_000))
        #expect(deadlines.takeDue(at: Moment(nanoseconds: 9_999)).isEmpty)
        #expect(deadlines.takeDue(at: Moment(nanoseconds: 60_000)) == [1, 7])
        #expect(deadlines.earliest() == nil)
    }

    @Test("what is cleared is never due, and the others stay in order of moment and subject")
    func cleared() {
        var deadlines = Deadlines<Int>()
        for subject in (0..<1000).reversed() {
            deadlines.set(subject, at: Moment(nanoseconds: UInt64(subject % 10)))
        }
        for subject in 0..<1000 where subject % 100 != 0 { deadlines.clear(subject) }
        // Setting makes room again for those that say nothing.
        deadlines.set(5000, at: Moment(nanoseconds: 1))
        let due = deadlines.takeDue(at: Moment(nanoseconds: 9))
        #expect(due == [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 5000])
    }
}
