import FoundationEssentials
import Gossip
import GossipWire
import HTTPAPI
package import LinuxSystem

/// What a node keeps of its ring in the state directory: its id, its last incarnation, and the keys once
/// they were changed.
package struct RingFiles: Sendable {
    private static let octetsMax = 65_536
    private let directory: String

    package init(directory: String) {
        self.directory = directory
    }

    var keysPath: String { "\(directory)/gossip.keys" }
    private var idPath: String { "\(directory)/node.id" }
    private var incarnationPath: String { "\(directory)/gossip.incarnation" }

    /// The node's own id; made at the first start.
    ///
    /// Throws: `SystemError`, and `Damaged` for a file that is no id: another one would make it another
    /// node.
    func id() throws -> [UInt8] {
        let text: String
        do throws(SystemError) {
            text = try TextFile.read(path: idPath, octetsMax: Self.octetsMax)
        } catch {
            guard error.isNoSuchFile else { throw error }
            let id = KernelRandom.octets(NodeMeta.idOctets)
            try DurableFile.replace(idPath, with: Array((Hexadecimal.text(id) + "\n").utf8))
            return id
        }
        guard let id = Hexadecimal.octets(text.filter { !$0.isWhitespace }),
            id.count == NodeMeta.idOctets
        else { throw Damaged(description: "\(idPath) is not 32 hexadecimal digits") }
        return id
    }

    private var timesPath: String { "\(directory)/gossip.times" }

    /// The clocks of an earlier run's tables; nil for a file that says nothing.
    func times() -> RingTimes? {
        let octets: [UInt8]
        do throws(SystemError) {
            octets = try TextFile.octets(path: timesPath, octetsMax: Self.octetsMax)
        } catch {
            return error.isNoSuchFile ? RingTimes.none : nil
        }
        guard let document = try? JSONValue(parsing: octets),
            let networks = document["networks"]?.intValue.flatMap({ UInt64(exactly: $0) }),
            let tables = document["tables"]?.intValue.flatMap({ UInt64(exactly: $0) }),
            let isFinal = document["final"]?.boolValue
        else { return nil }
        return RingTimes(networks: networks, tables: tables, isFinal: isFinal)
    }

    func keep(_ times: RingTimes) throws(SystemError) {
        let document: JSONValue = [
            "networks": .integer(times.networks), "tables": .integer(times.tables),
            "final": .bool(times.isFinal),
        ]
        try DurableFile.replace(timesPath, with: document.octets + [0x0a])
    }

    /// The incarnation of this start, to be kept before it is used: the time's, or one more than that of
    /// the start before, whichever is higher.
    ///
    /// Of two starts in one second, or after a clock that was put back, the later one is the newer one all
    /// the same. What is no incarnation in the file counts for nothing.
    package func nextIncarnation(secondsSince2020 seconds: UInt32) throws(SystemError) -> UInt32 {
        var last: UInt32 = 0
        do throws(SystemError) {
            let text = try TextFile.read(path: incarnationPath, octetsMax: Self.octetsMax)
            last = UInt32(text.filter { !$0.isWhitespace }) ?? 0
        } catch {
            guard error.isNoSuchFile else { throw error }
        }
        // Peers take nothing from so high a one, and no time leads there.
        if last >= MemberTable.hostileIncarnation.value - 1 { last = 0 }
        return max(seconds, last + 1)
    }

    /// Keeps the incarnation of this start, which is on the disk when this returns.
    package func keep(incarnation: UInt32) throws(SystemError) {
        try DurableFile.replace(incarnationPath, with: Array("\(incarnation)\n".utf8))
    }

    struct Damaged: Error, CustomStringConvertible {
        let description: String
    }

    /// The keys as a command left them; nil when none ever changed them.
    func keys() throws -> KeyRing? {
        let octets: [UInt8]
        do throws(SystemError) {
            octets = try TextFile.octets(path: keysPath, octetsMax: Self.octetsMax)
        } catch {
            if error.isNoSuchFile { return nil }
            throw error
        }
        var reader = try ObjectReader(try JSONValue(parsing: octets))
        let texts = try reader.strings("keys") ?? []
        try reader.finish()
        return try KeyRing(try texts.map { try RingKey(base64: $0) })
    }

    func keep(_ ring: KeyRing) throws(SystemError) {
        let texts = ring.keys.map { Data($0.octets).base64EncodedString() }
        let document: JSONValue = ["keys": .strings(texts)]
        try DurableFile.replace(keysPath, with: document.octets + [0x0a])
    }
}

extension RingKey {
    /// Throws: `KeyRingFault.length`, with 0 for what is no base64.
    init(base64 text: String) throws(KeyRingFault) {
        try self.init(Data(base64Encoded: text).map { [UInt8]($0) } ?? [])
    }
}

/// Octets as digits, two each.
enum Hexadecimal {
    static func text(_ octets: some Sequence<UInt8>) -> String {
        octets.map { octet in
            let digits = String(octet, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    static func octets(_ text: String) -> [UInt8]? {
        let digits = Array(text)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let octet = UInt8(String(digits[place...place + 1]), radix: 16) else {
                return nil
            }
            octets.append(octet)
        }
        return octets
    }
}
