/// "I am about to leave", or of somebody else: "let it be gone." Source: gossip-wire.md §18.3.
package struct SerfLeave: Hashable, Sendable {
    package var time: LamportTime
    package var node: NodeName
    /// Forget the node altogether.
    package var isPrune: Bool

    package init(time: LamportTime, node: NodeName, isPrune: Bool = false) {
        self.time = time
        self.node = node
        self.isPrune = isPrune
    }
}

/// "I have joined", which outlives an older leave.
///
/// Source: gossip-wire.md §18.3.
package struct SerfJoin: Hashable, Sendable {
    package var time: LamportTime
    package var node: NodeName

    package init(time: LamportTime, node: NodeName) {
        self.time = time
        self.node = node
    }
}
