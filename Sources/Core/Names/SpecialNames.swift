import Base

/// Names that a resolver answers by itself and never sends upstream.
///
/// Source: RFC 6761, 6762 §22.1, 6303, 7686, 8375, 9462, 9476; dns.md §1.5.
enum SpecialNames {
    /// The label before a service's name that asks for its tasks.
    static let tasks = wellKnown("tasks")

    /// `tasks.SERVICE`; nil when it is too long to be a name.
    static func tasks(of service: DomainName) -> DomainName? {
        try? DomainName(tasks, under: service)
    }

    enum Answer: Hashable, Sendable {
        case loopback
        case loopbackPointer
        case noData
        case nxDomain
        /// Only while no upstream of the private kind is asked.
        case nxDomainUnlessPrivateUpstream
    }

    /// Labels below `localhost` are the host too.
    ///
    /// Checked before every other name.
    static func isLocalhost(_ key: borrowing NameKey) -> Bool {
        // The cheap test first: this runs for every question.
        guard key.octetCount >= 10, key.octet(key.octetCount - 10) == 9 else { return false }
        return key.labels(before: localhost.octets) != nil
    }

    /// What is fixed for a name that nothing local knows; nil for an ordinary name.
    static func answer(_ key: borrowing NameKey, type: RecordType) -> Answer? {
        if let reading = ReverseName.read(key) { return reverse(reading) }
        if key.labels(before: resolverArpa.octets) != nil {
            return key.labelCount <= 2 || key.labels(before: discovery.octets) == 0
                ? .noData : .nxDomain
        }
        if let labels = key.labels(before: homeArpa.octets) {
            if type == .ds && labels == 0 { return nil }
            return labels == 0 ? .noData : .nxDomain
        }
        for zone in neverPublic where key.labels(before: zone.octets) != nil {
            return .nxDomain
        }
        return key.labels(before: internalZone.octets) == nil
            ? nil : .nxDomainUnlessPrivateUpstream
    }

    private static func reverse(_ reading: ReverseName.Reading) -> Answer? {
        if reading.isAddress {
            if reading.block == loopback4 || reading.block == loopback6 { return .loopbackPointer }
        }
        for zone in emptyReverseZones where zone.contains(reading.block) {
            return zone == reading.block && !reading.hasStrayLabels ? .noData : .nxDomain
        }
        for zone in privateReverseZones where zone.contains(reading.block) {
            return .nxDomainUnlessPrivateUpstream
        }
        return nil
    }

    private static let localhost = wellKnown("localhost")
    private static let homeArpa = wellKnown("home.arpa")
    private static let resolverArpa = wellKnown("resolver.arpa")
    private static let discovery = wellKnown("_dns.resolver.arpa")
    private static let internalZone = wellKnown("internal")
    private static let neverPublic = ["invalid", "test", "local", "onion", "alt"].map(wellKnown)
    private static let loopback4 = block("127.0.0.1/32")
    private static let loopback6 = block("::1/128")

    /// RFC 6303 §4.2-4.6: "this" network, loopback, link-local, documentation, broadcast.
    private static let emptyReverseZones = [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.2.0/24", "198.51.100.0/24",
        "203.0.113.0/24", "255.255.255.255/32", "::/128", "::1/128", "fe80::/12", "fe90::/12",
        "fea0::/12", "feb0::/12", "2001:db8::/32",
    ].map(block)

    /// RFC 6303 §4.1, §4.4 and RFC 6598: somebody's private upstream may know them.
    private static let privateReverseZones = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/8", "fd00::/8",
    ].map(block)

    private static func block(_ text: String) -> CIDR {
        guard let block = CIDR(text) else { preconditionFailure("\(text) is no address block") }
        return block
    }
}
