import Simulation
import Testing

@Suite("Simulated Raft clusters")
struct RaftClusterTests {
    @Test("what must hold does, whatever strikes", arguments: [3, 5, 7])
    func holds(nodes: Int) {
        var plan = RaftCluster.Plan()
        plan.nodes = nodes
        plan.seconds = 5
        let report = RaftReport(plan, seeds: 4)
        #expect(
            report.failure == nil,
            "\(report.failure.map { "\($0.seed): \($0.violation)" } ?? "")"
        )
        #expect(report.figures.elections > 0 && report.figures.answered > 0)
        #expect(report.figures.keys > 0 && report.figures.unjudged == 0)
    }

    @Test("one seed gives one run")
    func deterministic() {
        var plan = RaftCluster.Plan()
        plan.seconds = 3
        plan.isCertain = true
        let (first, second) = (RaftReport(plan, seeds: 2), RaftReport(plan, seeds: 2))
        #expect(first.document.json == second.document.json)
        plan.seed = 5
        #expect(RaftReport(plan, seeds: 2).document.json != first.document.json)
    }

    @Test("each fault that is asked for happens")
    func faults() {
        var plan = RaftCluster.Plan()
        plan.seconds = 15
        plan.isCertain = true
        let report = RaftReport(plan, seeds: 3)
        #expect(report.failure == nil)
        #expect(report.missing.isEmpty)
        #expect(report.figures.restores > 0)
    }

    @Test("without faults nobody is elected twice, and every operation is answered")
    func calm() {
        var plan = RaftCluster.Plan()
        plan.nodes = 5
        plan.seconds = 10
        plan.faults = []
        plan.isCertain = true
        let report = RaftReport(plan, seeds: 3)
        #expect(report.failure == nil)
        #expect(report.figures.elections == 3)
        #expect(report.figures.doubtful == 0)
    }
}
