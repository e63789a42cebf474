package import Base

/// Where a node is reached, over UDP and TCP alike.
package typealias PeerAddress = SocketEndpoint

extension PeerAddress {
    package init(_ address: IPAddress, port: UInt16) {
        self.init(address: address, port: port)
    }
}
