import Base
import Gossip
import GossipNode
import GossipWire
import LinuxSystem

/// How this node takes part in its ring, as its configuration and its files say.
struct RingPlan {
    /// 2020-01-01T00:00:00Z: incarnations begin with the seconds since, so that a node whose files are lost
    /// outbids what it was.
    private static let epoch: Int64 = 1_577_836_800

    var settings: GossipSettings
    let join: [SocketEndpoint]
    /// Whether the members tell each other what they have.
    let hasTables: Bool
    /// One sentence each.
    var warnings: [String] = []

    /// Throws: `StartupError`.
    init(_ configuration: Configuration, _ gossip: Configuration.Gossip) throws(StartupError) {
        let files = RingFiles(directory: configuration.stateDirectory)
        let seconds = max(1, Clock.unixSeconds() - Self.epoch)
        var name = configuration.nodeName
        // Docker's nodes have a new name at each start; so an old one is never taken for this one.
        if gossip.delegate == .networkdb { name += "-" + Hexadecimal.text(KernelRandom.octets(6)) }
        guard name.utf8.count <= NodeName.octetsMax else {
            let limit = NodeName.octetsMax - (name.utf8.count - configuration.nodeName.utf8.count)
            throw StartupError(
                "node.name: found \(configuration.nodeName.utf8.count) octets; allowed are at most "
                    + "\(limit) in a ring, or gossip: null",
                isConfiguration: true
            )
        }
        let incarnation: UInt32
        do throws(SystemError) {
            incarnation = try files.nextIncarnation(secondsSince2020: UInt32(clamping: seconds))
        } catch {
            throw Self.unusable(configuration.stateDirectory, error)
        }
        do throws(SystemError) {
            try files.keep(incarnation: incarnation)
        } catch {
            // Names are answered from a full disk too; without the file the time outbids the last start.
            warnings.append("gossip: the incarnation of this start was not kept: \(error)")
        }
        settings = GossipSettings(
            name: NodeName(name),
            bind: gossip.bind,
            incarnation: Incarnation(incarnation)
        )
        settings.rules = gossip.profile.rules
        settings.limits.descriptorMax =
            DescriptorShares(limit: Host.descriptorsMax).clientMax
        join = gossip.join
        hasTables = gossip.delegate == .networkdb
        do {
            switch gossip.delegate {
            case .networkdb:
                let times = files.times()
                if times == nil {
                    warnings.append(
                        "gossip.times in the state directory cannot be read; what this node says is "
                            + "heard late until it has caught up"
                    )
                }
                settings.speakTables(times: (times ?? .none).next)
                // Of two starts in one second either may be the newer.
                let boot = UInt64(seconds) << 20 | KernelRandom.uint64() >> 44
                let id = try files.id()
                var meta = NodeMeta(name: Array(configuration.nodeName.utf8), id: id, boot: boot)
                meta.capabilities = .all
                settings.meta = meta.octets
            case .serf:
                settings.speakSerf()
            }
        } catch {
            throw Self.unusable(configuration.stateDirectory, error)
        }
        settings.advertised = try advertised(gossip)
        settings.keys = try keys(gossip, files)
        if settings.keys.isEmpty, settings.advertised?.address.isPublic == true {
            warnings.append(
                "gossip: \(settings.advertised.map { "\($0)" } ?? "") is a public address and the "
                    + "ring has no key; add gossip.keys"
            )
        }
    }

    private static func unusable(_ directory: String, _ error: any Error) -> StartupError {
        StartupError(
            "state directory \(directory): \(error); see that it can be read and written, or give "
                + "another with --state-dir"
        )
    }

    /// What others are told; nil: where the node is bound.
    private func advertised(
        _ gossip: Configuration.Gossip
    ) throws(StartupError) -> SocketEndpoint? {
        if let advertise = gossip.advertise { return advertise }
        guard gossip.bind.address.isUnspecified else { return nil }
        guard gossip.bind.port > 0 else {
            throw StartupError(
                "gossip.bind: port 0 at every address says nothing to others; give a port, or an "
                    + "address",
                isConfiguration: true
            )
        }
        let addresses = (try? NetworkInterfaces.addresses()) ?? []
        let family = addresses.filter { $0.isV4 == gossip.bind.address.isV4 }
        guard let address = family.first(where: { !$0.isPublic }) ?? family.first else {
            throw StartupError(
                "gossip.advertise: this machine has no address that others could reach; say one",
                isConfiguration: true
            )
        }
        return SocketEndpoint(address: address, port: gossip.bind.port)
    }

    private mutating func keys(
        _ gossip: Configuration.Gossip,
        _ files: RingFiles
    ) throws(StartupError) -> KeyRing {
        let configured: KeyRing
        do throws(KeyRingFault) {
            var ring = KeyRing()
            for key in gossip.keys { try ring.add(try RingKey(key.octets)) }
            configured = ring
        } catch {
            throw StartupError(
                "gossip.keys: \(error); give at most \(KeyRing.keysMax) keys, each once",
                isConfiguration: true
            )
        }
        let kept: KeyRing?
        do {
            kept = try files.keys()
        } catch {
            throw StartupError(
                "\(files.keysPath): \(error); restore it, or move it away to use gossip.keys"
            )
        }
        guard let kept else { return configured }
        if !configured.isEmpty, configured != kept {
            warnings.append(
                "gossip.keys is not used: commands changed the keys since, and \(files.keysPath) wins; "
                    + "move it away to use gossip.keys"
            )
        }
        return kept
    }
}

extension Configuration.Gossip.Profile {
    fileprivate var rules: MembershipRules {
        switch self {
        case .lan: .lan
        case .wan: .wan
        case .local: .local
        }
    }
}

extension IPAddress {
    fileprivate var isV4: Bool {
        if case .v4 = self { true } else { false }
    }

    fileprivate var isUnspecified: Bool {
        switch self {
        case .v4(let v4): v4 == IPv4Address(0)
        case .v6(let v6): v6.high == 0 && v6.low == 0
        }
    }

    /// Whether anybody in the world might reach it (RFC 6890).
    fileprivate var isPublic: Bool {
        !Self.privateBlocks.contains { $0.contains(self) }
    }

    private static let privateBlocks = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
        "127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15",
        "fc00::/7", "fe80::/10", "::1/128", "2001:db8::/32",
    ].compactMap { CIDR($0) }
}
