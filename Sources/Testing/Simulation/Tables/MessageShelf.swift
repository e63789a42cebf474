import Gossip
import GossipWire
import Synchronization

/// Keeps what was written as octets also as the value that it was, in the order of writing.
///
/// An engine hands on octets; all nodes of a simulated ring are in one process, and who reads a value
/// instead shares its memory with who wrote it. A sample is read from its octets all the same.
final class MessageShelf: Sendable {
    private struct Kept {
        var messages: [TableMessage] = []
        var taken = 0
    }

    private let kept = Mutex(Kept())

    /// The codec of the wire, which leaves here what it wrote.
    var codec: TableCodec {
        let wire = TableCodec.wire
        return TableCodec(
            rumour: wire.rumour,
            message: { message in
                self.kept.withLock { $0.messages.append(message) }
                return wire.message(message)
            },
            read: wire.read,
            state: wire.state,
            readState: wire.readState,
            ack: wire.ack,
            readAck: wire.readAck,
            capabilities: wire.capabilities,
            identity: wire.identity,
            compoundOverhead: wire.compoundOverhead
        )
    }

    /// The next that was written and not yet taken.
    func take() -> TableMessage {
        kept.withLock { kept in
            precondition(kept.taken < kept.messages.count, "octets that nobody wrote")
            let message = kept.messages[kept.taken]
            kept.taken += 1
            if kept.taken == kept.messages.count {
                kept.messages.removeAll(keepingCapacity: true)
                kept.taken = 0
            }
            return message
        }
    }
}
