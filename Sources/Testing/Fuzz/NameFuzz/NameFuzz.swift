import Base
import FuzzInput
import Glibc
import Names

/// Names, addresses, blocks and types from outside, as octets and as text.
///
/// What is accepted comes out again as it went in, and addresses are those that the C library reads.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzName(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    if let name = try? DomainName(wire: octets) { checkWire(name, octets) }
    let text = String(decoding: octets, as: UTF8.self)
    if let name = try? DomainName(text) { checkText(name) }
    checkAddresses(text)
    checkValues(text)
    return 0
}

private func checkWire(_ name: DomainName, _ octets: [UInt8]) {
    invariant(name.octets == octets.map { $0.foldedLetter }, "only letters are folded")
    checkText(name)
    var key = NameKey(seed: 7)
    key.load(octets.span)
    invariant(key.name == name && key.labelCount == name.labelCount, "a key holds the name")
    for labels in 0..<key.labelCount {
        let prefix = Array(name.octets[..<key.prefixOctets(labels + 1)])
        invariant(
            key.prefixHash(labels + 1) == NameHash.of(prefix, seed: 7),
            "each prefix has the hash of its octets"
        )
        let suffix = Array(name.octets[key.prefixOctets(labels)...])
        invariant(key.labels(before: suffix) == labels, "each suffix is found at its label")
    }
    if let reading = ReverseName.read(key), reading.isAddress {
        invariant(ReverseName.name(of: reading.block.network) == name, "\(reading.block)")
    }
}

private func checkText(_ name: DomainName) {
    let text = name.description
    invariant(text.utf8.allSatisfy { (0x21...0x7e).contains($0) }, "text is printable: \(text)")
    invariant((try? DomainName(text)) == name, "text is read back: \(text)")
    var labels = 0
    var rest = name
    while let parent = rest.parent {
        invariant(rest.relative(to: parent)?.labelCount == 1, "one label: \(rest)")
        invariant(name.relative(to: rest)?.labelCount == labels, "\(labels) labels: \(rest)")
        labels += 1
        rest = parent
    }
    invariant(labels == name.labelCount, "\(labels) labels: \(text)")
}

private func checkAddresses(_ text: String) {
    // A C string ends at a zero octet.
    if text.utf8.contains(0) { return }
    var v4 = [UInt8](repeating: 0, count: 4)
    let is4 = unsafe inet_pton(AF_INET, text, &v4) == 1
    invariant(IPv4Address(text)?.octets == (is4 ? v4 : nil), "IPv4: \(text)")
    var v6 = [UInt8](repeating: 0, count: 16)
    let is6 = unsafe inet_pton(AF_INET6, text, &v6) == 1
    let address = IPv6Address(text)
    invariant(address?.octets == (is6 ? v6 : nil), "IPv6: \(text)")
    if let address { invariant(IPv6Address(address.description) == address, "IPv6: \(text)") }
}

private func checkValues(_ text: String) {
    if let block = CIDR(text) {
        invariant(CIDR(block.description) == block, "block: \(text)")
        invariant(block.contains(block.network), "block: \(text)")
        checkDigits(text)
    }
    if let endpoint = SocketEndpoint(text) {
        invariant(SocketEndpoint(endpoint.description) == endpoint, "endpoint: \(text)")
        checkDigits(text)
    }
    if let type = RecordType(text) {
        invariant(RecordType(type.description) == type, "type: \(text)")
        checkDigits(text)
    }
}

/// Swift's own integers take a sign; no number of ours has one.
private func checkDigits(_ text: String) {
    invariant(!text.contains("+") && !text.contains("-"), "a signed number: \(text)")
}
