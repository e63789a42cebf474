import Base

/// What the forwarder keeps of the questions under way.
extension Forwarder {
    struct SharedKey: Hashable {
        let name: DomainName
        let selector: ReplyCache.Selector
    }

    /// One question under way.
    ///
    /// A class, so that what changes in it is changed in place; owned by this engine alone.
    final class Exchange {
        let number: UInt64
        let question: Question
        /// Places in the group's list, in the order in which they are asked.
        let order: [Int]
        var waiters: [ClientID]
        /// How many attempts have been made in turn, retransmissions included.
        var asked = 0
        /// Attempts that may still be answered.
        var open: [UInt64] = []
        var strange = 0
        var truncated: UpstreamReply?
        var sawReply = false
        var isLooped = false
        var extendedError: UInt16?
        /// A stale reply that the clients could have.
        let hasStale: Bool

        init(
            number: UInt64,
            question: Question,
            order: [Int],
            waiters: [ClientID],
            hasStale: Bool
        ) {
            self.number = number
            self.question = question
            self.order = order
            self.waiters = waiters
            self.hasStale = hasStale
        }
    }

    struct OpenAttempt {
        let exchange: Exchange
        let upstream: Upstream
        let transport: Transport
        let hasEDNS: Bool
        let isProbe: Bool
        let sentAt: Moment
    }

    struct Timer: Comparable {
        let moment: Moment
        /// An attempt or an exchange.
        let subject: UInt64
        let reason: WakeReason

        static func < (left: Timer, right: Timer) -> Bool {
            let (earlier, later) = (left.moment.nanoseconds, right.moment.nanoseconds)
            return earlier == later ? left.subject < right.subject : earlier < later
        }

        static func == (left: Timer, right: Timer) -> Bool {
            left.moment.nanoseconds == right.moment.nanoseconds && left.subject == right.subject
        }
    }
}
