import Base

/// What a network's names are derived from.
struct NameSources {
    let network: DomainName
    let records: NetworkRecords
    let endpoints: EndpointStore
    let emptyServices: [DomainName: Moment]
    let zone: StaticZone
    let compiler: RecordCompiler

    /// What a name owns, or nil when there is no reason for it to exist.
    ///
    /// A name exists because endpoints give it records, a service of that name was there lately, a
    /// zone file says so, or a longer name does (RFC 8020).
    func records(
        of name: DomainName,
        _ sources: [UInt32],
        _ childCount: UInt32
    ) -> NameRecords? {
        let fromFiles = zoneRecords(of: name)
        if sources.isEmpty, fromFiles == nil, !isEmptyService(name) {
            if childCount == 0 { return nil }
            let belongsToService = name.octets.count > 1 && name.octets[1] == UInt8(ascii: "_")
            return NameRecords(sets: [], underSuffixOnly: !belongsToService)
        }
        let own = records.records(of: name, from: sources.lazy.map { endpoints[$0] })
        return fromFiles.map { own.adding($0.sets) } ?? own
    }

    private func zoneRecords(of name: DomainName) -> NameRecords? {
        if zone.names.isEmpty { return nil }
        guard let whole = try? DomainName(name, under: network), let records = zone.names[whole],
            !records.sets.isEmpty
        else { return nil }
        return records
    }

    private func isEmptyService(_ name: DomainName) -> Bool {
        if emptyServices.isEmpty { return false }
        if emptyServices[name] != nil { return true }
        guard let parent = name.parent, emptyServices[parent] != nil else { return false }
        return name.firstLabel == SpecialNames.tasks
    }
}

/// The names of a network that changes have touched, and what happened to each.
struct TableUpdate: Sendable {
    /// An endpoint, by its place, begins or ceases to give a name records.
    enum Step: Sendable {
        case gained(UInt32)
        case lost(UInt32)
    }

    private var stepsByName: [DomainName: [Step]] = [:]

    mutating func note(_ name: DomainName, _ step: Step?) {
        if let step {
            stepsByName[name, default: []].append(step)
        } else if stepsByName[name] == nil {
            stepsByName[name] = []
        }
    }

    private struct Touched {
        var steps: [Step] = []
        var childDifference = 0
    }

    /// The blocks of all names that are new, different or gone.
    ///
    /// From the longest names to the shortest, since a name exists for those below it.
    func edits(
        to table: NetworkTable,
        from sources: NameSources
    ) -> [(name: DomainName, block: [UInt8]?)] {
        let names = stepsByName.keys.sorted()
        let depth = names.map { $0.labelCount }.max() ?? 0
        var levels = [[DomainName: Touched]](repeating: [:], count: depth + 1)
        for name in names {
            levels[name.labelCount][name] = Touched(steps: stepsByName[name] ?? [])
        }
        var edits: [(name: DomainName, block: [UInt8]?)] = []
        edits.reserveCapacity(names.count)
        for level in stride(from: depth, to: 0, by: -1) {
            for name in levels[level].keys.sorted() {
                let touched = levels[level][name] ?? Touched()
                let known = table.content(of: name)
                let places = Self.places(known?.sources ?? [], after: touched.steps)
                let children = Int(known?.childCount ?? 0) + touched.childDifference
                let records = sources.records(of: name, places, UInt32(children))
                if records == nil, known == nil { continue }
                edits.append((name, records.map { block(name, $0, places, children, sources) }))
                let existed = known != nil
                if level > 1, (records != nil) != existed, !ReverseName.isReverse(name),
                    let parent = name.parent
                {
                    levels[level - 1][parent, default: Touched()].childDifference +=
                        existed ? -1 : 1
                }
            }
        }
        return edits
    }

    private func block(
        _ name: DomainName,
        _ records: NameRecords,
        _ places: [UInt32],
        _ children: Int,
        _ sources: NameSources
    ) -> [UInt8] {
        let content = NameBlock.Content(
            records: records,
            sources: places,
            childCount: UInt32(children)
        )
        var block: [UInt8] = []
        NameBlock.append(name, content, image: sources.compiler.image, to: &block)
        return block
    }

    /// The places that stay and come, ascending.
    private static func places(_ known: [UInt32], after steps: [Step]) -> [UInt32] {
        if steps.isEmpty { return known }
        // Of several steps of one endpoint the last counts.
        var last: [UInt32: Bool] = [:]
        for step in steps {
            switch step {
            case .gained(let place): last[place] = true
            case .lost(let place): last[place] = false
            }
        }
        let kept = known.filter { last[$0] == nil }
        return (kept + last.keys.sorted().filter { last[$0] == true }).sorted()
    }
}
