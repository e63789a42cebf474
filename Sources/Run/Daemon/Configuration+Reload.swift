extension Configuration {
    /// The keys whose values differ from `running` but take effect at the next start only.
    ///
    /// Everything else is applied by a reload without closing a socket.
    package func keysAwaitingRestart(running: Configuration) -> [String] {
        let comparisons: [(key: String, isSame: Bool)] = [
            ("node.name", nodeName == running.nodeName),
            ("stateDirectory", stateDirectory == running.stateDirectory),
            ("api.socket", api.socket == running.api.socket),
            ("api.group", api.group == running.api.group),
            ("dns.threads", dns.threads == running.dns.threads),
            ("gossip.bind", gossip?.bind == running.gossip?.bind),
            ("gossip.advertise", gossip?.advertise == running.gossip?.advertise),
            ("gossip.profile", gossip?.profile == running.gossip?.profile),
            ("gossip.delegate", gossip?.delegate == running.gossip?.delegate),
            ("cluster", cluster == running.cluster),
            ("metrics.listen", metrics.listen == running.metrics.listen),
        ]
        return comparisons.filter { !$0.isSame }.map(\.key)
    }
}
