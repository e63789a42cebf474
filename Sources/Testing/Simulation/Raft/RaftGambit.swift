import Base

/// A stroke that waits for its moment: something happens, and a little later something else does.
///
/// What strikes at random times mostly hits a cluster that does nothing. Mistakes live in the moments in
/// which one node knows what no other knows yet.
struct RaftGambit: Hashable, Sendable {
    /// When.
    enum Occasion: UInt8, Hashable, Sendable, CaseIterable {
        /// A node leads.
        case elected
        /// A node asks for votes.
        case campaigning
        /// A leader's commit index rose.
        case committed
        /// A node was sent entries.
        case appended
        /// A node begins to write.
        case writing
        /// A node's membership is another one now.
        case changed
        /// A node is told to campaign.
        case timeoutNow
        /// A node has a snapshot.
        case restored
    }

    /// What, and to whom: the node of the occasion is meant.
    enum Stroke: UInt8, Hashable, Sendable, CaseIterable {
        case crash, pause, hangDisk, slowApply
        /// It hears nobody, nobody hears it, or both.
        case deafen, mute, isolate
        /// It and one other are cut from the rest.
        case pair
        /// It and any part of the others are cut from the rest.
        case halves
        /// Nodes are cut where they differ.
        case rift
        /// All others crash, or all.
        case crashOthers, blackout
        /// The membership changes, or the leadership is handed over.
        case churn, transfer
    }

    let occasion: Occasion
    let stroke: Stroke
    /// It happens at one occasion in so many.
    let oneIn: UInt32
    /// The most microseconds between the occasion and the stroke.
    let delayMax: UInt32
    /// The most milliseconds that it lasts.
    let lengthMax: UInt32

    init(_ generator: inout SeededGenerator) {
        func one<Value>(of choices: [Value]) -> Value {
            choices[Int(generator.below(UInt32(choices.count)))]
        }
        occasion = one(of: Occasion.allCases)
        stroke = one(of: Stroke.allCases)
        let isRare = occasion == .elected || occasion == .changed || occasion == .timeoutNow
        oneIn = isRare ? one(of: [1, 2, 4]) : one(of: [5, 20, 100])
        delayMax = one(of: [1, 1000, 3000, 10_000, 300_000])
        lengthMax = one(of: [30, 300, 1500, 2500, 4000])
    }
}
