import Base
import Testing

@Suite("Addresses")
struct AddressTests {
    @Test(
        "IPv6 text is read and printed as RFC 5952 asks",
        arguments: [
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::53", "2001:db8::53"),
            ("::ffff:10.0.0.1", "::ffff:a00:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("0:1::", "0:1::"),
        ]
    )
    func roundTrip(text: String, canonical: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == canonical)
        #expect(IPv6Address(canonical) == address)
        #expect(IPv6Address(octets: address.octets) == address)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", ":", ":::", "1:::2",
            "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", "1:2:3:4:5:6:7:8::",
            "::1%eth0", "1.2.3.4 ", "::+1", "::-0", "-0::",
        ]
    )
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("a block holds exactly its addresses")
    func blocks() throws {
        let block = try #require(CIDR("10.1.0.0/16"))
        #expect(block.contains(try #require(IPAddress("10.1.255.255"))))
        #expect(!block.contains(try #require(IPAddress("10.2.0.0"))))
        #expect(!block.contains(try #require(IPAddress("::1"))))
        #expect(CIDR("10.1.0.1/16") == nil)
        #expect(CIDR("10.0.0.0/33") == nil)
        let six = try #require(CIDR("fd00:1::/32"))
        #expect(six.contains(try #require(CIDR("fd00:1:2::/48"))))
        #expect(try #require(CIDR("0.0.0.0/0")).contains(try #require(IPAddress("9.9.9.9"))))
    }

    @Test(
        "a number with a sign is no number",
        arguments: ["0.0.0.0/-0", "0.0.0.0/+0", "::/-0", "::/+0", "0.0.0.0/", "::/"]
    )
    func signs(text: String) {
        #expect(CIDR(text) == nil)
        #expect(RecordType("TYPE+1") == nil && RecordType("type-0") == nil)
        #expect(RecordType("TYPE") == nil && RecordType("TYPE65536") == nil)
        #expect(RecordType("type01") == .a)
    }

    @Test("sockets are written with brackets around IPv6")
    func sockets() {
        #expect(SocketEndpoint("127.0.0.1:53")?.port == 53)
        #expect(SocketEndpoint("[2001:db8::53]:5353")?.description == "[2001:db8::53]:5353")
        #expect(SocketEndpoint("2001:db8::53", defaultPort: 53)?.description == "[2001:db8::53]:53")
        #expect(SocketEndpoint("127.0.0.1") == nil)
        #expect(SocketEndpoint("127.0.0.1:65536") == nil)
        #expect(SocketEndpoint("127.0.0.1:+53") == nil)
        #expect(SocketEndpoint("example.com:53") == nil)
    }
}
