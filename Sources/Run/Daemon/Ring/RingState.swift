import HTTPAPI

/// What the control thread knows of the gossip plane.
struct RingState: Sendable {
    var plane = StatusReport.Plane.off
    /// One sentence each.
    var problems: [String] = []
}
