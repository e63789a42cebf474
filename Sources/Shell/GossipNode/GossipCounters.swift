import GossipWire
import Synchronization

/// What one node has done and refused; written by its thread, read by anybody.
package final class GossipCounters: Sendable {
    package enum Counter: Int, CaseIterable, Sendable {
        case datagramsIn, datagramOctetsIn, messagesIn
        case datagramsOut, datagramOctetsOut, datagramsUnsent, portsRefused
        case refusedTooLong, refusedSource, refusedLabel, refusedSeal, refusedChecksum
        case refusedCompression, refusedMessage, truncatedParts
        case streamsAccepted, streamsOpened, streamOctetsIn, streamOctetsOut
        case exchangesAsked, exchangesAnswered, streamPings, streamAcks, streamUserMessages
        case streamsRefused, streamsEvicted, streamsTimedOut, streamsCut, streamsBroken
        case streamsUnreachable, openedRefused
        case streamFaultLabel, streamFaultSeal, streamFaultPlain, streamFaultMessage
        case streamFaultLimit, errorsSent, errorsHeard, strangersAsked
        case sealed, opened, openedByOlderKey
        case delegateMessages, delegateMessagesIgnored, delegateEvents
        case eventsDropped, commandsRefused
        case waits, receives, sends
    }

    /// Room for every counter, in the object itself.
    private let values: InlineArray<64, Atomic<UInt64>>

    package init() {
        precondition(Counter.allCases.count <= 64, "room for every counter")
        values = InlineArray { _ in Atomic(0) }
    }

    /// Only the node's thread adds, so that no read-modify-write has to be atomic.
    @inline(__always)
    func add(_ counter: Counter, _ count: Int = 1) {
        let sum =
            values[counter.rawValue].load(ordering: .relaxed)
            &+ UInt64(truncatingIfNeeded: count)
        values[counter.rawValue].store(sum, ordering: .relaxed)
    }

    /// Counts from any thread.
    func addShared(_ counter: Counter) {
        values[counter.rawValue].wrappingAdd(1, ordering: .relaxed)
    }

    package subscript(counter: Counter) -> UInt64 {
        values[counter.rawValue].load(ordering: .relaxed)
    }

    /// Counts what was found in one datagram.
    func add(_ report: PacketReport) {
        add(.messagesIn, report.messages)
        if report.truncatedParts > 0 { add(.truncatedParts, report.truncatedParts) }
        guard report.refused > 0 else { return }
        switch report.firstFault {
        case .label: add(.refusedLabel)
        case .seal: add(.refusedSeal)
        case .message(.checksum): add(.refusedChecksum)
        case .message(.lzw), .message(.algorithm), .message(.compressedNothing):
            add(.refusedCompression)
        case .message, nil: add(.refusedMessage)
        }
        if report.refused > 1 { add(.refusedMessage, report.refused - 1) }
    }

    func add(_ fault: StreamFault) {
        switch fault {
        case .label: add(.streamFaultLabel)
        case .seal, .noKeys: add(.streamFaultSeal)
        case .notSealed: add(.streamFaultPlain)
        case .type, .message: add(.streamFaultMessage)
        case .members, .octets: add(.streamFaultLimit)
        case .cut: add(.streamsCut)
        }
    }
}
