/// Endpoints, each at a place that it keeps as long as it is there.
///
/// Tables name the endpoints that a record comes from by their places.
package struct EndpointStore: Sendable {
    private var slots: [Endpoint?] = []
    private var freePlaces: [UInt32] = []
    /// Of this node's own: ids that other nodes chose are theirs to tell apart.
    private var placesByID: [String: UInt32] = [:]

    /// How many are this node's own.
    package var count: Int { placesByID.count }
    /// How many other nodes have.
    package var remoteCount: Int { slots.count - freePlaces.count - placesByID.count }

    /// One of this node's own.
    package subscript(id: String) -> Endpoint? { placesByID[id].flatMap { slots[Int($0)] } }

    /// Of this node's own, in ascending order.
    package var ids: [String] { placesByID.keys.sorted() }

    subscript(place: UInt32) -> Endpoint {
        guard let endpoint = slots[Int(place)] else {
            preconditionFailure("no endpoint at a place that a table names")
        }
        return endpoint
    }

    func place(of id: String) -> UInt32? { placesByID[id] }

    /// Adds an endpoint, one of this node's own with an id that is new; tells its place.
    mutating func insert(_ endpoint: Endpoint) -> UInt32 {
        let place: UInt32
        if let free = freePlaces.popLast() {
            place = free
            slots[Int(place)] = endpoint
        } else {
            place = UInt32(slots.count)
            slots.append(endpoint)
        }
        if endpoint.ring == nil { placesByID[endpoint.id] = place }
        return place
    }

    mutating func remove(_ id: String) -> (place: UInt32, endpoint: Endpoint)? {
        guard let place = placesByID.removeValue(forKey: id), let endpoint = slots[Int(place)]
        else {
            return nil
        }
        slots[Int(place)] = nil
        freePlaces.append(place)
        return (place, endpoint)
    }

    /// Takes out one that another node has.
    @discardableResult
    mutating func remove(at place: UInt32) -> Endpoint? {
        guard let endpoint = slots[Int(place)] else { return nil }
        precondition(endpoint.ring != nil, "an own endpoint goes by its id")
        slots[Int(place)] = nil
        freePlaces.append(place)
        return endpoint
    }

    mutating func change(_ id: String, _ edit: (inout Endpoint) -> Void) {
        if let place = placesByID[id] { change(at: place, edit) }
    }

    mutating func change(at place: UInt32, _ edit: (inout Endpoint) -> Void) {
        guard var endpoint = slots[Int(place)] else { return }
        edit(&endpoint)
        slots[Int(place)] = endpoint
    }
}
