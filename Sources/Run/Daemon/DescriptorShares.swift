/// How the descriptors of this process are shared out, so that no use of them starves another.
struct DescriptorShares: Hashable, Sendable {
    /// Sockets of sandboxes and watched processes.
    let sandboxCount: Int
    /// The highest number of a DNS client's connection or a socket to an upstream.
    ///
    /// The kernel gives out the lowest free number: whoever gets one above this knows that all
    /// below are taken, and gives it back.
    let clientMax: Int32
    /// Connections of commands at once; without one nobody could remove a sandbox.
    let commandCount: Int

    init(limit: Int32) {
        let commands = min(Self.commandsMax, limit / 8)
        let clients = min(Self.clientsMax, limit / 4)
        sandboxCount = Int(max(0, limit - commands - clients - Self.othersCount))
        clientMax = limit - commands
        commandCount = Int(max(2, commands - Self.othersCount))
    }

    /// Descriptors kept for the local API, metrics and helper programs.
    private static let commandsMax: Int32 = 320
    /// Descriptors kept for connections and upstreams.
    private static let clientsMax: Int32 = 1024
    /// Files, listeners, event loops: what a daemon has open without a sandbox.
    private static let othersCount: Int32 = 30
}
