import HTTPAPI

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
            ("dns.forwardLimit", dns.forwardLimit == running.dns.forwardLimit),
            ("dns.cacheEntries", dns.cacheEntries == running.dns.cacheEntries),
            ("gossip.bind", gossip?.bind == running.gossip?.bind),
            ("gossip.advertise", gossip?.advertise == running.gossip?.advertise),
            ("gossip.profile", gossip?.profile == running.gossip?.profile),
            ("gossip.delegate", gossip?.delegate == running.gossip?.delegate),
            ("gossip.keys", gossip?.keys == running.gossip?.keys),
            ("cluster", cluster == running.cluster),
            ("metrics.listen", metrics.listen == running.metrics.listen),
            ("metrics.nameSample", metrics.nameSample == running.metrics.nameSample),
            ("log.level", log.level == running.log.level),
            ("log.format", log.format == running.log.format),
            ("log.queries", log.querySample == running.log.querySample),
        ]
        return comparisons.filter { !$0.isSame }.map(\.key)
    }
}

extension Configuration {
    /// What is asked for here and not there yet in this version, one sentence each.
    ///
    /// It is read and checked all the same, so that a file for later versions is known to be right.
    var notYetBuilt: [String] {
        var list: [String] = []
        if let gossip, gossip.delegate == .serf {
            list.append(
                "gossip: members are found; in a ring of serf agents no names are exchanged"
            )
        }
        if cluster != nil { list.append("cluster: not built yet; this node manages nothing") }
        return list
    }
}
