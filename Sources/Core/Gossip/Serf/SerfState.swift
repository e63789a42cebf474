/// What serf adds to a table that goes over a stream.
///
/// Source: gossip-wire.md §18.3, §18.5.
package struct SerfState: Hashable, Sendable {
    /// What was heard at one time of the event clock.
    package struct Events: Hashable, Sendable {
        package var time: LamportTime
        package var events: [Event]

        package init(time: LamportTime, events: [Event]) {
            self.time = time
            self.events = events
        }
    }

    package struct Event: Hashable, Sendable {
        package var name: [UInt8]
        package var payload: [UInt8]

        package init(name: [UInt8], payload: [UInt8]) {
            self.name = name
            self.payload = payload
        }
    }

    package struct Status: Hashable, Sendable {
        package var node: NodeName
        package var time: LamportTime

        package init(node: NodeName, time: LamportTime) {
            self.node = node
            self.time = time
        }
    }

    package var time: LamportTime
    package var eventTime: LamportTime
    package var queryTime: LamportTime
    /// When each member's status last changed, in the order in which they came.
    package var statuses: [Status]
    /// Members of those that have left.
    package var left: [NodeName]
    /// Slots of a ring of 512, by time; serf sends all of them, nil or not.
    package var events: [Events?]

    /// Slots of serf's ring.
    package static let slotsMax = 512
    /// Events of all slots.
    package static let eventsMax = 4096
    /// Statuses, and members that have left: more than a ring has of members.
    package static let statusesMax = 262_144

    package init(
        time: LamportTime,
        eventTime: LamportTime,
        queryTime: LamportTime,
        statuses: [Status] = [],
        left: [NodeName] = [],
        events: [Events?] = []
    ) {
        self.time = time
        self.eventTime = eventTime
        self.queryTime = queryTime
        self.statuses = statuses
        self.left = left
        self.events = events
    }
}
