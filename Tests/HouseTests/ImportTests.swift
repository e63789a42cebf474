import Testing

@Suite("House: who imports whom")
struct ImportTests {
    @Test("every import of the sources is in the table")
    func sources() {
        #expect(ImportCheck.violations(in: Repository.sources) == [])
    }

    @Test("the gate builds with the import check")
    func gate() {
        let run = Repository.text(".ci/run") ?? ""
        #expect(run.contains("--explicit-target-dependency-import-check error"))
    }

    @Test("the table keeps the one line: Core never sees Wire, no shell sees a shell")
    func table() {
        let core: Set = ["Base", "SwarmCore", "Gossip", "Names", "Overlay"]
        let wire: Set = ["DNSWire", "GossipWire", "ClusterWire", "DockerWire", "JournalWire"]
        let system: Set = ["CLinux", "CLDNS", "LinuxSystem", "Journal", "LDNS"]
        for (target, uses) in Rooms.uses {
            if core.contains(target) {
                #expect(uses.isSubset(of: core))
            } else if wire.contains(target) {
                #expect(uses.isSubset(of: core))
            } else if system.contains(target) {
                #expect(uses.isSubset(of: system.union(["JournalWire"])))
            } else {
                #expect(uses.isSubset(of: core.union(wire).union(system)))
            }
        }
    }

    @Test(
        "a planted import is found",
        arguments: [
            ("Core/Names", "import Foundation"),
            ("Core/Names", "package import FoundationEssentials"),
            ("Core/Names", "import Glibc"), ("Core/Names", "import Dispatch"),
            ("Core/Names", "import NIOCore"), ("Core/Names", "import Logging"),
            ("Core/Names", "import Synchronization"), ("Core/Names", "import DNSWire"),
            ("Core/Base", "import Names"), ("Wire/DNSWire", "import Names"),
            ("Wire/DNSWire", "import FoundationEssentials"),
            ("Wire/DockerWire", "import Foundation"),
            ("Wire/DNSWire", "import struct Foundation.Data"), ("System/LDNS", "import CLinux"),
            ("Shell/NameServer", "import HTTPAPI"), ("Shell/HTTPAPI", "import LinuxSystem"),
            ("Core/Unheard", "let a = 1"),
        ]
    )
    func planted(folder: String, line: String) {
        let found = ImportCheck.violations(in: ["Sources/\(folder)/A.swift": line])
        #expect(found.count == 1)
    }

    @Test(
        "an allowed import is not reported",
        arguments: [
            ("Core/Names", "package import Base"), ("Core/Gossip", "import OrderedCollections"),
            ("Wire/DockerWire", "import FoundationEssentials"),
            ("Wire/ClusterWire", "import SwiftProtobuf"), ("System/LDNS", "package import CLDNS"),
            ("Shell/NameServer", "import Names"), ("Core/Names", "// import Foundation"),
            ("Core/Names", #"let a = "import Foundation""#), ("Run/Daemon", "import Foundation"),
        ]
    )
    func innocent(folder: String, line: String) {
        #expect(ImportCheck.violations(in: ["Sources/\(folder)/A.swift": line]) == [])
    }
}

@Suite("House: one Swift target per C module")
struct CModuleTests {
    private static let tree = [
        "Package.swift": #"name: "CLinux" name: "CEcho" "#,
        "Sources/System/CLinux/include/shim.h": "",
        "Sources/System/CLater/module.modulemap": "",
        "Sources/System/LinuxSystem/A.swift": "import CLinux",
        "Sources/System/LinuxSystem/B.swift": "import CLinux",
        "Sources/Benchmarks/CEcho/include/echo.h": "",
    ]

    @Test("the sources keep to it")
    func sources() {
        #expect(ImportCheck.sharedCModules(in: Repository.sources) == [])
    }

    @Test("several files of one target are one importer")
    func innocent() {
        #expect(ImportCheck.sharedCModules(in: Self.tree) == [])
    }

    @Test(
        "a second target is found, in the sources and in the tests",
        arguments: ["Sources/Shell/NameServer/A.swift", "Tests/LinuxSystemTests/A.swift"]
    )
    func second(path: String) {
        let tree = Self.tree.merging([path: "import CLinux"]) { _, new in new }
        #expect(ImportCheck.sharedCModules(in: tree).count == 1)
    }

    @Test("a module of System that nobody imports is found")
    func unused() {
        let tree = Self.tree.merging(["Package.swift": #""CLinux" "CLater""#]) { _, new in new }
        #expect(
            ImportCheck.sharedCModules(in: tree).map(\.path) == [
                "Sources/System/CLater/module.modulemap"
            ]
        )
    }
}
