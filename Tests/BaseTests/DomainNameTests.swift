import Base
import Testing

@Suite("Domain names")
struct DomainNameTests {
    @Test(
        "text survives a round trip in lower case",
        arguments: [
            ("web", "web"), ("WEB.1.Abc.", "web.1.abc"), (".", "."), ("a\\.b.c", "a\\.b.c"),
            ("a\\000b", "a\\000b"), ("_http._tcp.web", "_http._tcp.web"), ("\\065x", "ax"),
            ("a\\;b", "a\\;b"), ("\\(\\)\\\"\\@\\$#", "\\(\\)\\\"\\@\\$#"), ("a@b;c", "a\\@b\\;c"),
        ]
    )
    func text(input: String, canonical: String) throws {
        let name = try DomainName(input)
        #expect(name.description == canonical)
        #expect(try DomainName(name.description) == name)
        #expect(try DomainName(wire: name.octets) == name)
    }

    @Test("limits are those of RFC 1035")
    func limits() throws {
        let label = String(repeating: "a", count: 63)
        _ = try DomainName(label)
        #expect(throws: NameError.label(octets: 64)) { try DomainName(label + "a") }
        let longest = [label, label, label, String(repeating: "b", count: 61)]
        #expect(try DomainName(longest.joined(separator: ".")).octets.count == 254)
        #expect(throws: NameError.length(octets: 255)) {
            try DomainName(longest.joined(separator: ".") + "c")
        }
        #expect(throws: NameError.label(octets: 0)) { try DomainName("a..b") }
        #expect(throws: NameError.empty) { try DomainName("") }
        #expect(throws: NameError.escape) { try DomainName("a\\25") }
        #expect(throws: NameError.escape) { try DomainName("a\\256") }
    }

    @Test("only A-Z fold (RFC 4343)")
    func folding() throws {
        #expect(try DomainName(wire: [1, 0xc1]) != DomainName(wire: [1, 0xe1]))
        #expect(try DomainName(wire: [1, 0x41]) == DomainName(wire: [1, 0x61]))
        #expect(try DomainName(wire: [1, 0x5b]) != DomainName(wire: [1, 0x7b]))
    }

    @Test("suffixes count only at label boundaries")
    func suffixes() throws {
        let name = try DomainName("db.back.end")
        #expect(name.relative(to: try DomainName("back.end")) == (try DomainName("db")))
        #expect(name.relative(to: try DomainName("end")) == (try DomainName("db.back")))
        #expect(name.relative(to: name) == .root)
        #expect(try DomainName("xend").relative(to: try DomainName("end")) == nil)
    }

    @Test("a key holds the hash of each leading part")
    func keys() throws {
        var key = NameKey(seed: 7)
        key.load(try DomainName(wire: [3, 0x57, 0x65, 0x62, 1, 0x31, 2, 0x61, 0x62]))
        #expect(key.labelCount == 3)
        #expect(key.prefixHash(1) == NameHash.of(try DomainName("web").octets, seed: 7))
        #expect(key.prefixHash(2) == NameHash.of(try DomainName("web.1").octets, seed: 7))
        #expect(key.prefixHash(3) == NameHash.of(try DomainName("web.1.ab").octets, seed: 7))
        #expect(key.prefixHash(3) != NameHash.of(try DomainName("web.1.ab").octets, seed: 8))
        #expect(key.labels(before: try DomainName("1.ab").octets) == 1)
        #expect(key.labels(before: try DomainName("b").octets) == nil)
        #expect(key.labels(before: key.name.octets) == 0)
    }

    @Test("a bounded draw is uniform")
    func uniform() {
        var dice = SeededGenerator(seed: 1)
        var counts = [Int](repeating: 0, count: 6)
        for _ in 0..<60_000 { counts[Int(dice.below(6))] += 1 }
        // Chi-square with 5 degrees of freedom: 20.5 is the 0.1 % quantile.
        let chi = counts.reduce(0.0) { $0 + Double(($1 - 10_000) * ($1 - 10_000)) / 10_000 }
        #expect(chi < 20.5)
    }
}
