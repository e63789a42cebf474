import LinuxSystem

/// What a simulation took: never part of what it says, which is the same on every run.
enum SimulationCost {
    static func text(since begun: ContinuousClock.Instant) -> String {
        let time = begun.duration(to: .now)
        let milliseconds =
            time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000
        let memory = peakKilobytes.map { "\($0 / 1024) MB at most" } ?? "memory unknown"
        return "\(milliseconds) ms, \(memory)"
    }

    /// The most memory that this process had at any time (proc(5), VmHWM).
    private static var peakKilobytes: Int? {
        guard let octets = try? TextFile.octets(path: "/proc/self/status", octetsMax: 65_536) else {
            return nil
        }
        let lines = String(decoding: octets, as: UTF8.self).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("VmHWM:") }) else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
