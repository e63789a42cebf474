import Base
import Gossip
import GossipWire
import Testing

/// Values of Docker's tables that are not quite as they should be.
@Suite("Records of endpoints and peers")
struct TableRecordTests {
    private static let head = hex("0a0161")
    private static let address = hex("2a0831302e302e312e33")

    private static func text(_ tag: String, _ text: String) -> [UInt8] {
        hex(tag) + [UInt8(text.utf8.count)] + Array(text.utf8)
    }

    @Test("a VIP that is no address is none", arguments: ["<nil>", "", "10.0.1", "10.0.1.2/24"])
    func virtualAddresses(text: String) throws {
        let octets = Self.head + Self.text("22", text) + Self.address
        let record = try EndpointRecord(octets.span)
        #expect(record.virtualAddress == nil && record.address == IPv4Address(10, 0, 1, 3))
        #expect(record.moreVirtualAddresses == [])
        #expect(record.octets == Self.head + Self.text("22", "<nil>") + Self.address)
    }

    @Test("a record without a name, or without any address, is none")
    func missing() throws {
        #expect(throws: TableFault.name(field: 1, octets: 0)) {
            _ = try EndpointRecord(Self.address.span)
        }
        for text in ["<nil>", "", "web", String(repeating: "1", count: 60)] {
            #expect(throws: TableFault.address(field: 5)) {
                _ = try EndpointRecord((Self.head + Self.text("2a", text)).span)
            }
        }
        let other = try EndpointRecord((Self.head + Self.text("a206", "fd00::5")).span)
        #expect(other.address == nil)
        #expect(other.moreAddresses.map(\.description) == ["fd00::5"])
    }

    @Test("an address of the other family is one of the others")
    func families() throws {
        let octets =
            Self.head + Self.text("22", "fd00::1") + Self.text("2a", "fd00::2")
            + Self.text("a206", "fd00::3")
        let record = try EndpointRecord(octets.span)
        #expect(record.address == nil && record.virtualAddress == nil)
        #expect(record.moreAddresses.map(\.description) == ["fd00::2", "fd00::3"])
        #expect(record.moreVirtualAddresses.map(\.description) == ["fd00::1"])
        let again = try EndpointRecord(record.octets.span)
        #expect(again == record)
    }

    @Test("unknown fields are stepped over, the last of a repeated one counts")
    func fields() throws {
        let octets =
            Self.head + Self.address + hex("0a0162") + hex("a03f05") + hex("aa3f0161")
            + Self.text("2a", "10.0.1.4") + hex("4800") + hex("4802")
        let record = try EndpointRecord(octets.span)
        #expect(record.name == [98] && record.address == IPv4Address(10, 0, 1, 4))
        #expect(record.isDisabled)
        #expect(throws: TableFault.form(field: 1, offset: 0)) {
            _ = try EndpointRecord(hex("0801").span)
        }
    }

    @Test("aliases and ports beyond the limits are let go, a long name or record is refused")
    func limits() throws {
        var record = EndpointRecord(name: [97])
        record.address = IPv4Address(10, 0, 1, 3)
        record.aliases = (0..<70).map { [UInt8]("a\($0)".utf8) }
        record.taskAliases = [[UInt8](repeating: 97, count: 256), [98]]
        record.ports = (0..<70).map { EndpointRecord.Port(.udp, target: $0) }
        record.moreAddresses = (0..<70).map { .v4(IPv4Address($0)) }
        let read = try EndpointRecord(record.octets.span)
        #expect(read.aliases == Array(record.aliases[..<64]) && read.taskAliases == [[98]])
        #expect(read.ports == Array(record.ports[..<64]) && read.moreAddresses.count == 64)
        record.serviceName = [UInt8](repeating: 97, count: 256)
        #expect(throws: TableFault.name(field: 2, octets: 256)) {
            _ = try EndpointRecord(record.octets.span)
        }
        let long = Self.head + Self.address + [UInt8](repeating: 0, count: 8192)
        #expect(throws: TableFault.length(claimed: long.count, limit: 8192)) {
            _ = try EndpointRecord(long.span)
        }
    }

    @Test("a transport that is none stays none")
    func transports() throws {
        let octets = Self.head + Self.address + hex("b206021005") + hex("3204" + "10021835")
        let record = try EndpointRecord(octets.span)
        #expect(record.ports == [EndpointRecord.Port(nil, target: 0)])
        #expect(record.ingressPorts == [EndpointRecord.Port(.sctp, target: 53)])
        let again = try EndpointRecord(record.octets.span)
        #expect(again == record)
    }

    @Test("a peer without one of its addresses, or with another's, is none")
    func peers() throws {
        let good = ["10.0.1.3/24", "02:42:0a:00:01:03", "fd00::1"]
        func octets(_ texts: [String]) -> [UInt8] {
            zip(["0a", "12", "1a"], texts).flatMap { Self.text($0, $1) }
        }
        let read = try PeerRecord(octets(good).span)
        #expect(read.tunnelAddress == IPAddress("fd00::1"))
        let upper = try PeerRecord(octets([good[0], "02:42:0A:00:01:03", good[2]]).span)
        #expect(upper == read)
        for (place, texts) in [
            [
                "", "10.0.1.3", "10.0.1.3/", "10.0.1.3/33", "10.0.1.3/+1", "fd00::1/64", "/24",
                "a/1",
            ],
            ["", "02:42:0a:00:01", "02:42:0a:00:01:0g", "02-42-0a-00-01-03", "02:42:0a:00:01:03:"],
            ["", "<nil>", "10.0.1.300"],
        ].enumerated() {
            for text in texts {
                var bad = good
                bad[place] = text
                #expect(throws: TableFault.address(field: UInt32(place + 1)), "\(text)") {
                    _ = try PeerRecord(octets(bad).span)
                }
            }
        }
    }
}
