import Foundation
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

    @Test("what must hold does in clusters of any shape")
    func wild() {
        var plan = RaftCluster.Plan()
        plan.isWild = true
        let report = RaftReport(plan, seeds: 8)
        #expect(
            report.failure == nil,
            "\(report.failure.map { "\($0.seed): \($0.violation)" } ?? "")"
        )
        #expect(report.figures.faults[.rest] > 0 && report.figures.faults[.gambit] > 0)
    }

    @Test("seeds that found a mistake find none now")
    func found() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.appending(path: "fixtures/seeds/raft.txt")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        var count = 0
        for line in lines where line.hasPrefix("waggle simulate raft ") {
            let command = line.split(separator: "#")[0]
            let words = command.split(separator: " ").map(String.init)
            func number(_ name: String) -> UInt64? {
                words.firstIndex(of: name).flatMap { UInt64(words[$0 + 1]) }
            }
            var plan = RaftCluster.Plan()
            plan.isWild = words.contains("--wild")
            plan.nodes = Int(number("--nodes") ?? 3)
            plan.seed = try #require(number("--seed"))
            plan.seconds = number("--seconds") ?? 30
            #expect(RaftReport(plan, seeds: 1).failure == nil, "\(line)")
            count += 1
        }
        #expect(count >= 2)
    }

    @Test("one seed gives one run")
    func deterministic() {
        var plan = RaftCluster.Plan()
        plan.seconds = 5
        plan.isCertain = true
        let (first, second) = (RaftReport(plan, seeds: 2), RaftReport(plan, seeds: 2))
        #expect(first.document.json == second.document.json)
        plan.seed = 5
        #expect(RaftReport(plan, seeds: 2).document.json != first.document.json)
    }

    @Test("each fault that is asked for happens")
    func faults() {
        var plan = RaftCluster.Plan()
        plan.seconds = 30
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
