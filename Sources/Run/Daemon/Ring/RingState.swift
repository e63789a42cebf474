import HTTPAPI

/// What the control thread knows of the gossip plane.
struct RingState: Sendable {
    var plane = StatusReport.Plane.off
    /// nil where there is none.
    var gossip: RingPlane?
    /// One sentence each.
    var problems: [String] = []
}
