import DNSWire
import Synchronization

/// What one worker has done; written by that worker, read by anybody.
package final class WorkerCounters: Sendable {
    package enum Counter: Int, CaseIterable, Sendable {
        case datagramQueries, streamQueries
        case noError, formErr, servFail, nxDomain, notImp, refused, notAuth, badVers
        case localAnswers, forwarded, forwardAnswers, forwardFailures, truncated
        case droppedShort, droppedResponse, droppedTooLong, droppedSource, droppedNoView
        case faultOpcode, faultQuestionCount, faultQuestion, faultSectionCounts, faultRecords
        case faultEDNS, faultTrailing, faultVersion, faultSigned
        case upstreamMismatch, upstreamMalformed, upstreamUnreachable
        case streamsAccepted, streamsRefused, streamsEvicted, streamsTimedOut, streamFaults
        case repliesUnsent
        case waits, receives, sends
        case cacheHits, cacheStale, cacheFailures, cacheRefreshes
        case forwardLimited, forwardLoops, upstreamDatagrams, upstreamStreams
        case givenNoError, givenNXDomain, givenServFail, givenOther
        case queriesLogged, queryLogDropped
    }

    /// Room for every counter, in the object itself.
    private let values: InlineArray<64, Atomic<UInt64>>
    /// The same by sandbox, as far as that is told.
    package let sandboxes = SandboxCounters()
    /// Batches that were answered here, a sample: from their arrival to the last of their replies.
    package let answering = DurationHistogram()
    /// Questions that an upstream had to be asked for, each from its arrival to its reply.
    package let forwarding = DurationHistogram()
    /// Attempts that were replied to.
    package let roundTrips = DurationHistogram()

    package init() {
        precondition(Counter.allCases.count <= 64, "room for every counter")
        values = InlineArray { _ in Atomic(0) }
    }

    /// Only the owning worker adds, so that no read-modify-write has to be atomic.
    @inline(__always)
    func add(_ counter: Counter, _ count: UInt64 = 1) {
        let sum = values[counter.rawValue].load(ordering: .relaxed) &+ count
        values[counter.rawValue].store(sum, ordering: .relaxed)
    }

    package subscript(counter: Counter) -> UInt64 {
        values[counter.rawValue].load(ordering: .relaxed)
    }

    func add(_ code: ResponseCode) {
        switch code {
        case .noError: add(Counter.noError)
        case .formErr: add(Counter.formErr)
        case .servFail: add(Counter.servFail)
        case .nxDomain: add(Counter.nxDomain)
        case .notImp: add(Counter.notImp)
        case .refused: add(Counter.refused)
        case .notAuth: add(Counter.notAuth)
        case .badVers: add(Counter.badVers)
        }
    }

    /// Counts a reply that is an upstream's, fresh or kept.
    func addGiven(_ code: UInt16, slot: Int) {
        switch ResponseCode(rawValue: UInt8(truncatingIfNeeded: code)) {
        case .noError: add(Counter.givenNoError)
        case .nxDomain:
            add(Counter.givenNXDomain)
            sandboxes.add(.nxDomain, 1, slot: slot)
        case .servFail:
            add(Counter.givenServFail)
            sandboxes.add(.servFail, 1, slot: slot)
        default: add(Counter.givenOther)
        }
    }

    func add(_ fault: QueryFault.Reason) {
        switch fault {
        case .short: add(.droppedShort)
        case .response: add(.droppedResponse)
        case .opcode: add(.faultOpcode)
        case .questionCount: add(.faultQuestionCount)
        case .question: add(.faultQuestion)
        case .sectionCounts: add(.faultSectionCounts)
        case .records: add(.faultRecords)
        case .edns: add(.faultEDNS)
        case .trailingOctets: add(.faultTrailing)
        case .ednsVersion: add(.faultVersion)
        case .signed: add(.faultSigned)
        }
    }
}
