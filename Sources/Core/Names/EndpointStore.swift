/// Endpoints, each at a place that it keeps as long as it is there.
///
/// Tables name the endpoints that a record comes from by their places.
package struct EndpointStore: Sendable {
    private var slots: [Endpoint?] = []
    private var freePlaces: [UInt32] = []
    private var placesByID: [String: UInt32] = [:]

    package var count: Int { placesByID.count }

    package subscript(id: String) -> Endpoint? { placesByID[id].flatMap { slots[Int($0)] } }

    /// In ascending order.
    package var ids: [String] { placesByID.keys.sorted() }

    subscript(place: UInt32) -> Endpoint {
        guard let endpoint = slots[Int(place)] else {
            preconditionFailure("no endpoint at a place that a table names")
        }
        return endpoint
    }

    func place(of id: String) -> UInt32? { placesByID[id] }

    /// Adds an endpoint with an id that is new; tells its place.
    mutating func insert(_ endpoint: Endpoint) -> UInt32 {
        let place: UInt32
        if let free = freePlaces.popLast() {
            place = free
            slots[Int(place)] = endpoint
        } else {
            place = UInt32(slots.count)
            slots.append(endpoint)
        }
        placesByID[endpoint.id] = place
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

    mutating func change(_ id: String, _ edit: (inout Endpoint) -> Void) {
        guard let place = placesByID[id], var endpoint = slots[Int(place)] else { return }
        edit(&endpoint)
        slots[Int(place)] = endpoint
    }
}
