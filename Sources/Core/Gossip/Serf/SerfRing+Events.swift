import Base

// What members tell each other: gossip-wire.md §18.6.

extension SerfRing {
    /// Takes an event; whether it is to be passed on.
    mutating func hear(_ event: SerfEvent) -> Bool {
        guard admits(event.time) else { return false }
        eventClock.witness(event.time)
        let item = SerfState.Event(name: event.name, payload: event.payload)
        switch events.admit(item, at: event.time, now: eventClock.time) {
        case .new: break
        case .repeated:
            counts.repeatedEvents += 1
            return false
        case .old:
            counts.oldEvents += 1
            return false
        case .full:
            counts.droppedEvents += 1
            return false
        }
        // Slots whose time came round again were let go of without a word.
        eventOctets += item.name.count + item.payload.count
        if eventOctets > rules.eventMemoryMax { boundEvents() }
        outputs.append(.event(event))
        return true
    }

    /// Lets go of the oldest events until the rest is no more than may be kept.
    private mutating func boundEvents() {
        eventOctets = 0
        for slot in events.slots {
            for item in slot?.items ?? [] { eventOctets += item.name.count + item.payload.count }
        }
        while eventOctets > rules.eventMemoryMax, let slot = events.dropOldest() {
            for item in slot.items { eventOctets -= item.name.count + item.payload.count }
        }
    }

    /// Tells an event of this node's own.
    mutating func say(name: [UInt8], payload: [UInt8], coalesces: Bool) {
        let event = SerfEvent(
            time: eventClock.time,
            name: name,
            payload: payload,
            coalesces: coalesces
        )
        let octets = codec.message(.userEvent(event))
        guard name.count + payload.count <= rules.eventOctetsMax,
            octets.count <= rules.broadcastOctetsMax, hear(event)
        else {
            outputs.append(.eventRefused(event))
            return
        }
        outputs.append(.broadcast(octets))
    }

    /// Takes the events of another's state; a node that is new here asks for none of before its time.
    mutating func merge(_ slots: [SerfState.Events?], before time: LamportTime, isNewHere: Bool) {
        if isNewHere { events.raiseFloor(to: time) }
        for slot in slots {
            guard let slot else { continue }
            for item in slot.events
            where item.name.count + item.payload.count <= SerfEvent.octetsMax {
                let event = SerfEvent(
                    time: slot.time,
                    name: item.name,
                    payload: item.payload,
                    coalesces: false
                )
                counts.events += 1
                _ = hear(event)
            }
        }
    }
}
