package import Gossip

// A table's user state in a serf ring: gossip-wire.md §18.3.

extension SerfState {
    /// Reads the user state of a table.
    ///
    /// Statuses without a name are let go. Throws: `SerfFault`; more slots, events or members than the
    /// limits are a `MsgpackFault.count` in it.
    package init(_ octets: Span<UInt8>) throws(SerfFault) {
        try SerfMessageType.pushPull.check(octets)
        var reader = MsgpackReader(octets, at: 1)
        do throws(MsgpackFault) {
            try self.init(&reader)
        } catch {
            throw .body(.pushPull, error)
        }
    }

    private init(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        let zero = LamportTime(0)
        self.init(time: zero, eventTime: zero, queryTime: zero)
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .time: time = LamportTime(try reader.integer())
            case .eventTime: eventTime = LamportTime(try reader.integer())
            case .queryTime: queryTime = LamportTime(try reader.integer())
            case .events: try readSlots(&reader)
            case .leftMembers:
                left = try reader.list(countMax: Self.statusesMax).map { NodeName(octets: $0) }
            case .statusTimes: try readStatuses(&reader)
            default: try reader.skip()
            }
        }
    }

    private mutating func readStatuses(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        let count = try reader.map()
        guard count <= Self.statusesMax else {
            throw .count(claimed: count, limit: Self.statusesMax)
        }
        statuses = []
        for _ in 0..<count {
            let node = NodeName(octets: try reader.octets())
            let time = LamportTime(try reader.integer())
            if !node.isEmpty { statuses.append(Status(node: node, time: time)) }
        }
    }

    private mutating func readSlots(_ reader: inout MsgpackReader) throws(MsgpackFault) {
        let count = try reader.array()
        guard count <= Self.slotsMax else {
            throw .count(claimed: count, limit: Self.slotsMax)
        }
        events = []
        events.reserveCapacity(count)
        var eventsLeft = Self.eventsMax
        for _ in 0..<count {
            if try reader.isNone() {
                events.append(nil)
                continue
            }
            var slot = Events(time: LamportTime(0), events: [])
            for _ in 0..<(try reader.map()) {
                switch try reader.field() {
                case .time: slot.time = LamportTime(try reader.integer())
                case .events: slot.events = try Self.readEvents(&reader, countMax: eventsLeft)
                default: try reader.skip()
                }
            }
            eventsLeft -= slot.events.count
            events.append(slot)
        }
    }

    private static func readEvents(
        _ reader: inout MsgpackReader,
        countMax: Int
    ) throws(MsgpackFault) -> [Event] {
        let count = try reader.array()
        guard count <= countMax else { throw .count(claimed: count, limit: countMax) }
        var events: [Event] = []
        for _ in 0..<count {
            var event = Event(name: [], payload: [])
            for _ in 0..<(try reader.map()) {
                switch try reader.field() {
                case .name: event.name = try reader.octets()
                case .payload: event.payload = try reader.octets()
                default: try reader.skip()
                }
            }
            events.append(event)
        }
        return events
    }

    /// The user state as a table carries it.
    package var octets: [UInt8] {
        var out: [UInt8] = [SerfMessageType.pushPull.rawValue]
        out.append(map: 6)
        out.append(.eventTime)
        out.append(integer: eventTime.value)
        out.append(.events)
        if events.isEmpty { out.appendNone() } else { write(slots: &out) }
        out.append(.time)
        out.append(integer: time.value)
        out.append(.leftMembers)
        out.append(list: left.map(\.octets))
        out.append(.queryTime)
        out.append(integer: queryTime.value)
        out.append(.statusTimes)
        out.append(map: statuses.count)
        for status in statuses {
            out.append(raw: status.node.octets)
            out.append(integer: status.time.value)
        }
        return out
    }

    private func write(slots out: inout [UInt8]) {
        out.append(array: events.count)
        for slot in events {
            guard let slot else {
                out.appendNone()
                continue
            }
            out.append(map: 2)
            out.append(.events)
            out.append(array: slot.events.count)
            for event in slot.events {
                out.append(map: 2)
                out.append(.name)
                out.append(raw: event.name)
                out.append(.payload)
                out.append(rawOrNone: event.payload)
            }
            out.append(.time)
            out.append(integer: slot.time.value)
        }
    }
}
