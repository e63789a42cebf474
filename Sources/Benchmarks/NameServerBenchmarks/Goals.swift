/// What the figures of one run are held against.
///
/// A goal is what is aimed at. A ceiling is what has been reached, with room for the scatter of
/// shared machines: above it something has become dearer, and the run fails.
struct Goal {
    let what: String
    let value: Double?
    let goal: Double
    let ceiling: Double

    var line: String {
        guard let value else { return "- \(what): not measured here" }
        let verdict = value <= goal ? "met" : value <= ceiling ? "missed" : "WORSE THAN BEFORE"
        return "- \(what): \(Results.text(value)) (goal \(Results.text(goal)), ceiling "
            + "\(Results.text(ceiling))): \(verdict)"
    }

    var isBroken: Bool { value.map { $0 > max(goal, ceiling) } ?? false }
}
