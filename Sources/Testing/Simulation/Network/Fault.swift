/// What is done to a ring while it runs.
package enum Fault: Hashable, Sendable {
    /// A node is new; it joins through another.
    case join(Int, through: [Int])
    /// A machine is gone without a word.
    case crash(Int)
    /// A node comes back, with its own name or with a new one, and joins through another.
    case restart(Int, through: [Int], isSame: Bool)
    /// A node says that it leaves.
    case leave(Int)
    /// Sending and receiving wait while timers run (Lifeguard §V-C).
    case block(Int)
    case unblock(Int)
    /// The whole process waits.
    case stop(Int)
    case resume(Int)
    /// A node's monotone clock is so many milliseconds further at once: its machine was suspended.
    case jump(Int, milliseconds: UInt64)
    /// A node's wall clock is set forth or back.
    case setClock(Int, seconds: Int64)
    /// Every datagram may be lost.
    case loss(Millionths)
    case duplicates(Millionths)
    /// Datagrams into and out of one node may be lost.
    case nodeLoss(Int, inbound: Millionths, outbound: Millionths)
    /// Datagrams of one node get nowhere; streams pass.
    case noDatagrams(Int, Bool)
    /// A node goes to a side.
    case side(Int, UInt8)
    /// Nothing passes from one side to another.
    case wall(from: UInt8, to: UInt8, stands: Bool)
    /// A node says something new of itself; a rumour to be followed.
    case rumour(Int)
    /// What follows is counted, what came before was preparation.
    case begin

    /// What it is called where faults are counted; nil for what is none.
    package var name: FaultName? {
        switch self {
        case .join, .rumour, .begin, .side: nil
        case .crash: .crash
        case .restart: .restart
        case .leave: .leave
        case .block: .block
        case .stop: .stop
        case .jump: .jump
        case .setClock: .setClock
        case .loss(let share), .duplicates(let share): share == .none ? nil : .weather
        case .nodeLoss(_, let inbound, let outbound):
            inbound == .none && outbound == .none ? nil : .nodeLoss
        case .noDatagrams(_, let stands): stands ? .noDatagrams : nil
        case .wall(_, _, let stands): stands ? .partition : nil
        case .unblock, .resume: nil
        }
    }
}

/// The kinds of faults, as documents name them.
package enum FaultName: String, Hashable, Sendable, CaseIterable {
    case drop, duplicate, walled, oneWay, overflow, crash, restart, leave, block, stop, jump
    case setClock, weather, nodeLoss, noDatagrams, partition
}
