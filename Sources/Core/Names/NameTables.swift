/// The tables of all networks at one moment, by place, and that of the zone files.
///
/// A value: it is copied by reference, and after a change the copies share what has not changed.
/// Views name networks by place, so that a change of names leaves the views as they are.
package struct NameTables: Sendable {
    /// Records of static zone files, by whole name.
    package internal(set) var zone: NetworkTable
    private var tables: PagedArray<NetworkTable>
    private var freePlaces: [Int]

    init(zone: NetworkTable) {
        self.zone = zone
        tables = PagedArray([])
        freePlaces = []
    }

    @inline(__always)
    package subscript(place: Int) -> NetworkTable { tables[place] }

    mutating func set(_ table: NetworkTable, at place: Int) { tables[place] = table }

    /// Takes a place for a table.
    mutating func insert(_ table: NetworkTable) -> Int {
        if freePlaces.isEmpty {
            let more = max(64, tables.count)
            freePlaces = Array((tables.count..<tables.count + more).reversed())
            tables = PagedArray(tables.all + [NetworkTable](repeating: zone, count: more))
        }
        let place = freePlaces.removeLast()
        tables[place] = table
        return place
    }

    /// Gives a place back.
    mutating func remove(at place: Int) {
        tables[place] = zone
        freePlaces.append(place)
    }
}
