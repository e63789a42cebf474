import Foundation
import Glibc
import LinuxSystem
import Synchronization

/// A network namespace made for one test.
final class Namespace: Sendable {
    private static let count = Atomic<Int>(0)

    let name: String
    var path: String { "/run/netns/\(name)" }

    fileprivate init() {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        name = "waggle-\(getpid())-\(number)"
    }

    /// The words that run a program inside.
    var inside: [String] { ["ip", "netns", "exec", name] }

    fileprivate func make() async throws {
        _ = try await NodeTests.require("ip netns add \(name)")
        _ = try await NodeTests.require("ip -n \(name) link set lo up")
    }

    /// What glibc's resolver finds in `/etc/resolv.conf` inside; `ip netns exec` mounts it.
    func setResolvConf(_ text: String) throws {
        try FileManager.default.createDirectory(
            atPath: configuration,
            withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: URL(filePath: resolvConfPath))
    }

    private var configuration: String { "/etc/netns/\(name)" }

    /// The file that `setResolvConf` writes.
    var resolvConfPath: String { "\(configuration)/resolv.conf" }

    /// Runs a program inside, given word by word: words may hold spaces.
    func run(
        _ program: String,
        _ first: String,
        _ rest: String...,
        seconds: Double = Background.patience
    ) async throws -> Outcome {
        try await NodeTests.run(inside + [program, first] + rest, seconds: seconds)
    }

    func run(_ command: String, seconds: Double = Background.patience) async throws -> Outcome {
        try await NodeTests.run(inside + words(command), seconds: seconds)
    }

    /// What nftables holds inside.
    func rules() async throws -> String {
        try await NodeTests.require("ip netns exec \(name) nft list ruleset").output
    }

    /// Takes the name away; the namespace goes when nobody is in it any more.
    func delete() async throws {
        _ = try await NodeTests.require("ip netns del \(name)")
    }

    /// A pair of connected interfaces, `eth0` here and in `other`, with these addresses.
    func connect(_ address: String, to other: Namespace, _ otherAddress: String) async throws {
        let words = ["ip", "link", "add", "eth0", "netns", name, "type", "veth"]
        let made = try await NodeTests.run(words + ["peer", "name", "eth0", "netns", other.name])
        if made.status != 0 { throw HarnessError("veth: \(made)") }
        for (space, own) in [(self, address), (other, otherAddress)] {
            _ = try await NodeTests.require("ip -n \(space.name) address add \(own) dev eth0")
            _ = try await NodeTests.require("ip -n \(space.name) link set eth0 up")
        }
    }

    /// An interface with these addresses: glibc asks only for families that the host has.
    func address(_ addresses: String...) async throws {
        let link = ["ip", "-n", name, "link"]
        for words in [["add", "eth0", "type", "bridge"], ["set", "eth0", "up"]] {
            let outcome = try await NodeTests.run(link + words)
            if outcome.status != 0 { throw HarnessError("\(words): \(outcome)") }
        }
        for address in addresses {
            _ = try await NodeTests.require("ip -n \(name) address add \(address) dev eth0")
        }
    }

    fileprivate func discard() async {
        _ = try? await NodeTests.run(["ip", "netns", "del", name])
        try? FileManager.default.removeItem(atPath: configuration)
    }
}

/// Runs `body` with a fresh namespace whose loopback is up, and deletes it in every case.
func withNamespace<Result: Sendable>(
    _ body: (Namespace) async throws -> Result
) async throws -> Result {
    let space = Namespace()
    do {
        try await space.make()
        let result = try await body(space)
        await space.discard()
        return result
    } catch {
        await space.discard()
        throw error
    }
}

/// Runs `body` with a program beside it, and ends the program in every case.
func withBackground<Result: Sendable>(
    _ words: [String],
    environment: [String: String] = [:],
    _ body: (Background) async throws -> Result
) async throws -> Result {
    let folder = try Folder()
    defer { folder.remove() }
    let program = try Background(words, in: folder, environment: environment)
    do {
        let result = try await body(program)
        await program.stop()
        return result
    } catch {
        await program.stop()
        throw error
    }
}

extension Background {
    /// Waits until the program is in another network namespace than the test: it gets there a
    /// moment after it has started.
    func hasEnteredNamespace() async throws {
        let own = try FileIdentity(path: "/proc/self/ns/net")
        let isThere = await eventually(within: 5) {
            (try? FileIdentity(path: "/proc/\(pid)/ns/net")) ?? own != own
        }
        if !isThere { throw HarnessError("process \(pid) entered no namespace") }
    }
}

/// Runs `body` with a small disk of its own, and takes it away in every case.
func withDisk<Result: Sendable>(
    octets: Int,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let folder = try Folder()
    defer { folder.remove() }
    try await require("mount -t tmpfs -o size=\(octets) waggle-test \(folder.path)")
    do {
        let result = try await body(folder.path)
        _ = try? await run(["umount", "-l", folder.path])
        return result
    } catch {
        _ = try? await run(["umount", "-l", folder.path])
        throw error
    }
}

/// What a process holds, as its folder in `/proc` shows it.
enum ProcessView {
    /// The targets of its descriptors, by number.
    static func descriptors(of pid: Int32) -> [Int: String] {
        let folder = "/proc/\(pid)/fd"
        var found: [Int: String] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard let number = Int(name) else { continue }
            let path = "\(folder)/\(name)"
            found[number] = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
        }
        return found
    }

    /// Its sockets, as `socket:[INODE]`.
    static func sockets(of pid: Int32) -> Set<String> {
        Set(descriptors(of: pid).values.filter { $0.hasPrefix("socket:") })
    }
}
