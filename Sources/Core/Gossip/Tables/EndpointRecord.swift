package import Base

/// What an endpoint offers, as the value of an entry of `endpoint_table`.
///
/// Texts are octets as they came: what a name has to look like is for whoever reads names. Fields from
/// 100 on are ours; Docker's nodes step over them and keep them. Source: networkdb-dns.md B1, F10.
package struct EndpointRecord: Hashable, Sendable {
    package struct Port: Hashable, Sendable {
        package enum Transport: UInt8, Hashable, Sendable, CaseIterable {
            case tcp = 0
            case udp = 1
            case sctp = 2
        }

        package var name: [UInt8]
        /// nil for a number that is no transport.
        package var transport: Transport?
        /// What the task listens at.
        package var target: UInt32
        /// What nodes listen at for it; 0: nothing.
        package var published: UInt32

        package init(
            name: [UInt8] = [],
            _ transport: Transport?,
            target: UInt32,
            published: UInt32 = 0
        ) {
            self.name = name
            self.transport = transport
            self.target = target
            self.published = published
        }
    }

    /// Field 1; a record without is none.
    package var name: [UInt8]
    /// Field 2.
    package var serviceName: [UInt8] = []
    /// Field 3; empty of a plain container.
    package var serviceID: [UInt8] = []
    /// Field 4; nil where the text is no address, `<nil>` with Docker.
    package var virtualAddress: IPv4Address?
    /// Field 5; nil where the text is no address: such a record is none, unless it has others.
    package var address: IPv4Address?
    /// Field 6: of the ingress network.
    package var ingressPorts: [Port] = []
    /// Field 7: of the service.
    package var aliases: [[UInt8]] = []
    /// Field 8: of this task alone.
    package var taskAliases: [[UInt8]] = []
    /// Field 9: about to stop, or ill.
    package var isDisabled = false
    /// Field 100: what does not fit into field 5, IPv6 as text.
    package var moreAddresses: [IPAddress] = []
    /// Field 101: share of the load, 0: as any other.
    package var weight: UInt32 = 0
    /// Field 102: what the task offers on this network, for SRV records.
    package var ports: [Port] = []
    /// Field 103: where it runs.
    package var zone: [UInt8] = []
    /// Field 104: further VIPs of the service, IPv6 as text.
    package var moreVirtualAddresses: [IPAddress] = []
    /// Field 105: the container's id in lower-case hexadecimal; empty where there is none.
    package var containerID: [UInt8] = []

    package init(name: [UInt8]) {
        self.name = name
    }
}

/// Behind which node an address of an overlay network is, as the value of an entry of `overlay_peer_table`.
///
/// Source: networkdb-dns.md B1.
package struct PeerRecord: Hashable, Sendable {
    /// Field 1, as text with the length of the network's prefix: `10.0.1.3/24`.
    package var address: IPv4Address
    package var prefixBits: UInt8
    /// Field 2, six octets; as text `02:42:0a:00:01:03`.
    package var hardwareAddress: [UInt8]
    /// Field 3: where the node takes the network's frames.
    package var tunnelAddress: IPAddress

    package init(
        address: IPv4Address,
        prefixBits: UInt8,
        hardwareAddress: [UInt8],
        tunnelAddress: IPAddress
    ) {
        precondition(hardwareAddress.count == 6, "\(hardwareAddress.count) octets")
        self.address = address
        self.prefixBits = prefixBits
        self.hardwareAddress = hardwareAddress
        self.tunnelAddress = tunnelAddress
    }
}
