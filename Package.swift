// swift-tools-version: 6.2
import PackageDescription

// The rooms of docs/ARCHITECTURE.md. A target's folder says what it may touch; each room has one
// helper below, so that a new target is one line and cannot forget a setting.

/// Settings every target has: Swift 6 mode, strict memory safety, warnings are errors.
let house: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
]

/// `Span`-returning views need `@_lifetime`, which is still behind a flag; Wire and System only.
let views: [SwiftSetting] = house + [.enableExperimentalFeature("Lifetimes")]

func core(_ name: String, _ uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses, path: "Sources/Core/\(name)", swiftSettings: house)
}

func wire(_ name: String, _ uses: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: uses, path: "Sources/Wire/\(name)", swiftSettings: views)
}

func system(_ name: String, _ uses: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: uses, path: "Sources/System/\(name)", swiftSettings: views)
}

func shell(_ name: String, _ uses: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: uses, path: "Sources/Shell/\(name)", swiftSettings: house)
}

func tests(_ name: String, _ uses: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: uses, path: "Tests/\(name)Tests", swiftSettings: house)
}

/// A libFuzzer target: no main of its own, so it exists only in the builds that `.ci/fuzz` makes.
func fuzz(_ name: String, _ uses: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: uses + ["FuzzInput"], path: "Sources/Testing/Fuzz/\(name)",
        swiftSettings: house + [.unsafeFlags(["-parse-as-library"])])
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let trees = Target.Dependency.product(
    name: "HashTreeCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let containers = Target.Dependency.product(
    name: "BasicContainers", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "waggle",
    products: [
        .executable(name: "waggle", targets: ["waggle"]),
        .library(name: "CMallocCount", type: .dynamic, targets: ["CMallocCount"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // Core: values and decisions. No clock, no dice, no I/O, no locks.
        core("Base"),
        core("Gossip", ["Base"]),
        core("SwarmCore", ["Base", deque]),
        core("Names", ["Base", "Gossip", heap]),

        // Wire: octets <-> values.
        wire("DNSWire", ["Base"]),
        wire("GossipWire", ["Base", "Gossip"]),
        wire("JournalWire", ["Base"]),
        wire("ClusterWire", ["Base", "SwarmCore"]),

        // System: system calls and C. The only room with `unsafe`.
        .target(name: "CLinux", path: "Sources/System/CLinux"),
        .systemLibrary(
            name: "CLDNS", path: "Sources/System/CLDNS", pkgConfig: "ldns",
            providers: [.apt(["libldns-dev"])]),
        system("LinuxSystem", ["CLinux", "Base"]),
        system("Journal", ["LinuxSystem", "JournalWire", "Base", crypto]),
        system("LDNS", ["CLDNS", "Base"]),

        // Shell: drives engines; no policy.
        shell("NameServer", ["LinuxSystem", "DNSWire", "Names", "Base"]),
        shell("GossipNode", ["LinuxSystem", "GossipWire", "Gossip", "Base", crypto]),
        shell(
            "RaftNode",
            [
                "Base", "ClusterWire", "Journal", "JournalWire", "LinuxSystem", "SwarmCore", deque,
            ]),
        shell("HTTPAPI", ["Base", nioCore, nioPosix, nioHTTP1]),

        // Run: the only place where shells meet.
        .target(
            name: "Daemon",
            dependencies: [
                "Base", "Names", "DNSWire", "LinuxSystem", "LDNS", "NameServer", "HTTPAPI",
                "Gossip", "GossipWire", "GossipNode", logging, lifecycle, unixSignals,
            ],
            path: "Sources/Run/Daemon", swiftSettings: house),
        .executableTarget(
            name: "waggle",
            dependencies: [
                "Base", "DNSWire", "LinuxSystem", "LDNS", "HTTPAPI", "Daemon", "Simulation",
                "Journal", "JournalWire",
                arguments, nioCore, nioPosix,
            ],
            path: "Sources/Run/waggle", swiftSettings: house),

        // Benchmarks: what a question costs, beside a server in C that does nothing.
        .executableTarget(name: "CLoad", path: "Sources/Benchmarks/CLoad"),
        .executableTarget(name: "CEcho", path: "Sources/Benchmarks/CEcho"),
        .executableTarget(name: "CUpstream", path: "Sources/Benchmarks/CUpstream"),
        .executableTarget(name: "CRelay", path: "Sources/Benchmarks/CRelay"),
        .executableTarget(
            name: "NameServerBenchmarks",
            dependencies: ["CEcho", "CLoad", "CUpstream", "CRelay"],
            path: "Sources/Benchmarks/NameServerBenchmarks", swiftSettings: house),
        .executableTarget(
            name: "GossipBenchmarks",
            dependencies: ["Base", "Gossip", "GossipNode", "GossipWire", "LinuxSystem", crypto],
            path: "Sources/Benchmarks/GossipBenchmarks", swiftSettings: house),
        .executableTarget(
            name: "JournalBenchmarks", dependencies: ["Base", "Journal", "JournalWire", "LinuxSystem"],
            path: "Sources/Benchmarks/JournalBenchmarks", swiftSettings: house),
        .executableTarget(
            name: "RaftBenchmarks", dependencies: ["Base", "SwarmCore"],
            path: "Sources/Benchmarks/RaftBenchmarks", swiftSettings: house),
        .executableTarget(
            name: "ScaleBenchmarks",
            dependencies: ["Base", "Names", "DNSWire", "LinuxSystem", "NameServer"],
            path: "Sources/Benchmarks/ScaleBenchmarks", swiftSettings: house),

        // Testing: what only tests need, and rings in virtual time.
        .target(
            name: "Simulation",
            dependencies: ["Base", "Gossip", "GossipWire", "SwarmCore", containers],
            path: "Sources/Testing/Simulation", swiftSettings: house),
        .target(
            name: "KeyValue", dependencies: ["RaftNode", trees],
            path: "Sources/Testing/KeyValue", swiftSettings: house),
        .executableTarget(
            name: "raft-trace", dependencies: ["Base", "SwarmCore"],
            path: "Sources/Testing/RaftTrace", swiftSettings: house),
        .target(name: "CMallocCount", path: "Sources/Testing/CMallocCount"),
        .executableTarget(name: "CSoak", path: "Sources/Testing/CSoak"),

        // Tests: one suite per target, plus the House checks.
        tests("Base", ["Base"]),
        tests("Names", ["Base", "Gossip", "Names"]),
        tests("DNSWire", ["Base", "DNSWire", "LDNS"]),
        tests("Gossip", ["Base", "Gossip", "GossipWire"]),
        tests("SwarmCore", ["Base", "SwarmCore", "raft-trace"]),
        tests("ClusterWire", ["Base", "SwarmCore", "ClusterWire"]),
        tests("GossipWire", ["Base", "Gossip", "GossipWire"]),
        tests("GossipNode", ["Base", "Gossip", "GossipWire", "GossipNode", "LinuxSystem"]),
        tests(
            "RaftNode",
            ["Base", "Journal", "KeyValue", "LinuxSystem", "RaftNode", "SwarmCore"]),
        tests("LinuxSystem", ["Base", "LinuxSystem"]),
        tests("JournalWire", ["JournalWire"]),
        tests("Journal", ["Base", "Journal", "JournalWire", "LinuxSystem"]),
        tests("LDNS", ["LDNS", "Base"]),
        tests("NameServer", ["Base", "Names", "DNSWire", "LinuxSystem", "NameServer", "LDNS"]),
        tests("Daemon", ["Daemon", "Base", "HTTPAPI", "Names"]),
        tests("HTTPAPI", ["Base", "HTTPAPI", nioCore, nioPosix]),
        .testTarget(
            name: "WaggleTests",
            dependencies: [
                "Base", "HTTPAPI", "Journal", "JournalWire", "LinuxSystem", "waggle", nioCore, nioPosix,
            ],
            path: "Tests/WaggleTests", swiftSettings: house),
        tests("Simulation", ["Base", "Gossip", "Simulation", "SwarmCore"]),
        tests("HotPath", ["Base", "LinuxSystem"]),
        tests("Node", ["Base", "DNSWire", "LinuxSystem", "Gossip", "GossipWire", "GossipNode"]),
        tests("House", []),
    ],
    swiftLanguageModes: [.v6]
)

if Context.environment["WAGGLE_FUZZ"] != nil {
    package.targets += [
        .target(
            name: "FuzzInput", path: "Sources/Testing/Fuzz/FuzzInput", swiftSettings: house),
        fuzz("APIFuzz", ["HTTPAPI"]),
        fuzz("GossipPacketFuzz", ["Gossip", "GossipWire"]),
        fuzz("GossipStreamFuzz", ["Gossip", "GossipWire"]),
        fuzz("JournalFuzz", ["JournalWire"]),
        fuzz("JSONFuzz", ["Daemon", "HTTPAPI"]),
        fuzz("ManagerMessageFuzz", ["ClusterWire", "SwarmCore"]),
        fuzz("NameFuzz", ["Base", "Names"]),
        fuzz("PrintFuzz", ["DNSWire", "LDNS"]),
        fuzz("QueryFuzz", ["Base", "Names", "DNSWire", "NameServer"]),
        fuzz("ReplyFuzz", ["Base", "Names", "DNSWire", "NameServer"]),
        fuzz("ResolvConfFuzz", ["Base", "Daemon"]),
        fuzz("TableMessageFuzz", ["Gossip", "GossipWire"]),
        fuzz("TableRecordFuzz", ["Gossip", "GossipWire"]),
        fuzz("TableStateFuzz", ["Gossip", "GossipWire"]),
        fuzz("ZoneFuzz", ["Base", "DNSWire", "LDNS"]),
    ]
}
