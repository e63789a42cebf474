import Base
import SwarmCore

/// Strokes that wait for their moment.
extension RaftCluster {
    func occasion(_ occasion: RaftGambit.Occasion, _ host: RaftHost) {
        guard active.contains(.gambit), !isQuiet else { return }
        for (number, gambit) in weather.gambits.enumerated() where gambit.occasion == occasion {
            guard fortune.below(gambit.oneIn) == 0 else { continue }
            schedule(
                .gambit,
                in: UInt64(fortune.below(gambit.delayMax)) * 1000,
                node: UInt32(place(of: host.id)),
                payload: UInt32(number)
            )
        }
    }

    func play(_ gambit: RaftGambit, _ host: RaftHost) {
        if isQuiet { return }
        figures.faults[.gambit] += 1
        let wait = UInt64(1 + fortune.below(gambit.lengthMax)) * Self.millisecond
        story.tell(now, "\(gambit.occasion), so \(gambit.stroke) at node \(host.id.raw)")
        let bit: UInt64 = 1 << UInt64(place(of: host.id))
        switch gambit.stroke {
        case .crash: crash(host, for: wait)
        case .pause: if host.isRunning { host.pausedUntil = now + wait }
        case .hangDisk: host.diskHungUntil = now + wait
        case .slowApply: host.applySlowUntil = now + wait
        case .deafen: deafen(host, wait)
        case .mute: mute(host, wait)
        case .isolate: cut(side: bit, wait)
        case .pair: cut(side: bit | 1 << UInt64(fortune.below(UInt32(hosts.count))), wait)
        case .halves:
            let any = UInt64(fortune.below(1 << UInt32(min(30, hosts.count))))
            cut(side: bit | any, wait)
        case .rift: cutWhereDifferent(host, wait)
        case .crashOthers:
            for other in hosts where other.id != host.id { crash(other, for: jitter(wait)) }
        case .blackout:
            for other in hosts { crash(other, for: jitter(wait)) }
        case .churn: if active.contains(.churn) { churn() }
        case .transfer:
            if host.isRunning, host.pausedUntil <= now { tell(host, .transfer(to: nil)) }
        }
    }
}
