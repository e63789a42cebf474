/// Who may import whom: the table of docs/ARCHITECTURE.md, as the import check reads it.
///
/// A new target is one line here. `Base` is open to every room and is not repeated.
enum Rooms {
    /// Other targets of this package that a target may import.
    static let uses: [String: Set<String>] = [
        // Core
        "Base": [],
        "SwarmCore": [],
        "Gossip": [],
        "Names": ["Gossip"],
        "Overlay": [],
        // Wire
        "DNSWire": [],
        "GossipWire": ["Gossip"],
        "ClusterWire": ["SwarmCore"],
        "DockerWire": ["SwarmCore"],
        "JournalWire": [],
        // System
        "LinuxSystem": ["CLinux"],
        "Journal": ["LinuxSystem", "JournalWire"],
        "LDNS": ["CLDNS"],
        // Shell
        "NameServer": ["LinuxSystem", "DNSWire", "Names"],
        "GossipNode": ["LinuxSystem", "GossipWire", "Gossip"],
        "RaftNode": ["ClusterWire", "Journal", "JournalWire", "LinuxSystem", "SwarmCore"],
        "Manager": ["ClusterWire", "SwarmCore"],
        "Agent": ["ClusterWire", "DockerWire", "SwarmCore"],
        "DataPlane": ["LinuxSystem", "Overlay"],
        "HTTPAPI": ["DockerWire", "SwarmCore"],
    ]

    /// Pure data structures, allowed in every room.
    static let collections: Set = [
        "BasicContainers", "BitCollections", "Collections", "DequeModule", "HashTreeCollections",
        "HeapModule", "OrderedCollections",
    ]

    /// Modules from outside the package that a room may import; Run is free.
    static let outside: [String: Set<String>] = [
        "Core": [],
        "Wire": [],
        "System": ["Glibc", "Synchronization"],
        "Shell": [
            "FoundationEssentials", "Glibc", "Logging", "ServiceLifecycle", "Synchronization",
        ],
    ]

    /// Modules that one target needs beyond its room's.
    static let outsideOfTarget: [String: Set<String>] = [
        "ClusterWire": ["SwiftProtobuf"],
        "DockerWire": ["FoundationEssentials"],
        "HTTPAPI": ["NIOCore", "NIOHTTP1", "NIOPosix"],
        "Manager": [
            "Crypto", "GRPCCore", "GRPCNIOTransportHTTP2", "GRPCProtobuf", "NIOCore", "NIOPosix",
            "NIOSSL", "SwiftASN1", "X509",
        ],
        "Agent": [
            "AsyncHTTPClient", "GRPCCore", "GRPCNIOTransportHTTP2", "NIOCore", "NIOPosix", "NIOSSL",
        ],
        "GossipNode": ["Crypto"],
        "Journal": ["Crypto"],
        "RaftNode": ["GRPCCore", "GRPCNIOTransportHTTP2", "NIOCore", "NIOPosix", "NIOSSL"],
    ]

    /// The rooms whose targets must stand in the table; the others join or test them.
    static let walled: Set = ["Core", "Wire", "System", "Shell"]

    /// Every module that `target` of `room` may import; nil when the target is unknown.
    static func allowed(target: String, room: String) -> Set<String>? {
        guard let uses = uses[target], let outside = outside[room] else { return nil }
        return uses.union(outside).union(outsideOfTarget[target] ?? [])
            .union(collections).union(["Base", "Swift"]).subtracting([target])
    }
}
