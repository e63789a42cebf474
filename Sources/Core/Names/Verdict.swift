package import Base

/// What a question deserves: a decision, not octets.
///
/// The invariant that most resolvers of containers have broken once is a matter of types here:
/// `nxDomain` needs an `Absence`, which only the end of a search that found nothing can make.
package enum Verdict: Sendable {
    /// A record set; its table and index are in the handle.
    case answer(SetHandle)
    /// The name is an alias for `target`; the search goes on there.
    case alias(SetHandle, target: DomainName)
    /// An answer that no table holds.
    case synthetic(Synthetic)
    /// The name exists and has nothing of the asked type.
    case noData(Authority)
    /// The name does not exist and lies where nobody else could know it.
    case nxDomain(Absence)
    /// These may know.
    case forward(UpstreamGroup)
    case refuse(Refusal)
}

/// Where a record set stands in the tables that a view is searched in.
package struct SetHandle: Hashable, Sendable {
    package let table: TableIndex
    package let set: NetworkTable.SetPlace
}

/// A table that a view is searched in.
package enum TableIndex: Hashable, Sendable {
    /// Index into `View.networks`.
    case network(Int)
    case zone
}

/// Whose SOA record goes with a denial.
package enum Authority: Hashable, Sendable {
    /// A network of the view, by index.
    case network(Int)
    /// A zone file with a SOA record at this name.
    case zone(DomainName)
    /// The resolver itself, for special names and files without a SOA.
    case resolver
}

/// Proof that a search of the whole view found no such name.
///
/// Made in this file only.
package struct Absence: Sendable {
    package let authority: Authority

    fileprivate init(authority: Authority) {
        self.authority = authority
    }
}

package enum Synthetic: Hashable, Sendable {
    /// `localhost` and below (RFC 6761 §6.3).
    case loopback(RecordType)
    case loopbackPointer
    /// The SOA record of a network, by index.
    case networkSOA(Int)
    /// The NS record of a network, by index.
    case networkNS(Int)
    /// The address of `ns.NETWORK`, which is this resolver.
    case resolverAddress
    /// The minimal answer to ANY for a name that is not ours (RFC 8482 §4.2).
    case minimalAny
}

package enum Refusal: Hashable, Sendable {
    /// The sandbox is internal: nothing is asked outside.
    case internalSandbox
    /// No zone is transferred from here (RFC 5936).
    case transfer
    /// A type that nobody answers any more.
    case obsoleteType
}

/// Takes down the steps of a search; the one that takes nothing costs nothing, since the search is
/// compiled once for each.
protocol SearchTrace {
    mutating func note(_ step: @autoclosure () -> SearchStep)
}

/// A search that nobody watches.
struct NoTrace: SearchTrace {
    /// What has no size has no address when it is passed inout, and the thread sanitizer looks there.
    private let unused: UInt8 = 0

    @inline(__always)
    mutating func note(_ step: @autoclosure () -> SearchStep) {}
}

/// A search whose every step is kept, for `waggle explain`.
struct StepTrace: SearchTrace {
    private(set) var steps: [SearchStep] = []
    mutating func note(_ step: @autoclosure () -> SearchStep) { steps.append(step()) }
}

package enum SearchStep: Hashable, Sendable {
    case special(String)
    case lookedUp(name: DomainName, network: DomainName, found: Bool)
    case apex(network: DomainName)
    case zone(name: DomainName, found: Bool)
    case chose(type: RecordType, count: Int)
    case lacks(type: RecordType)
    case ours(why: String)
    case reverse(block: String, why: String)
    case notOurs
}

extension View {
    /// Decides a question.
    ///
    /// Class IN; the type is not one of the meta types that are refused before a search. No
    /// allocation on the way to `.answer`, `.noData` and `.forward`.
    ///
    /// Source: networkdb-dns.md C4, H11, H12; docs/ARCHITECTURE.md "How a question is answered".
    package func verdict(
        _ key: borrowing NameKey,
        type: RecordType,
        in tables: NameTables
    ) -> Verdict {
        var trace = NoTrace()
        return search(key, type, tables, &trace)
    }

    /// Decides a question and tells every step that led there.
    package func explanation(
        _ key: borrowing NameKey,
        type: RecordType,
        in tables: NameTables
    ) -> (verdict: Verdict, steps: [SearchStep]) {
        var trace = StepTrace()
        let verdict = search(key, type, tables, &trace)
        return (verdict, trace.steps)
    }

    private func search<Trace: SearchTrace>(
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ tables: NameTables,
        _ trace: inout Trace
    ) -> Verdict {
        if key.labelCount == 0 { return outside(key, type, &trace) }
        if SpecialNames.isLocalhost(key) {
            trace.note(.special("localhost is always this host (RFC 6761)"))
            let known = type == .a || type == .aaaa
            return known ? .synthetic(.loopback(type)) : .noData(.resolver)
        }
        // The whole name in each network, in priority order.
        for index in networks.indices {
            let table = tables[networks[index].table]
            let found = table.find(key, labels: key.labelCount)
            trace.note(
                .lookedUp(name: key.name, network: networks[index].name, found: found != nil)
            )
            if let found, !found.underSuffixOnly {
                return choose(found, in: table, .network(index), key, type, &trace)
            }
        }
        if let verdict = underNetworkName(key, type, tables, &trace) { return verdict }
        if let found = tables.zone.find(key, labels: key.labelCount) {
            trace.note(.zone(name: key.name, found: true))
            return choose(found, in: tables.zone, .zone, key, type, &trace)
        }
        return absent(key, type, tables, &trace)
    }

    /// `NAME.NETWORK`: the part before a network's name, in that network.
    private func underNetworkName<Trace: SearchTrace>(
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ tables: NameTables,
        _ trace: inout Trace
    ) -> Verdict? {
        var claimed: Int?
        for place in suffixOrder.indices {
            let index = suffixOrder[place]
            guard let labels = key.labels(before: networks[index].name.octets) else { continue }
            if labels == 0 {
                trace.note(.apex(network: networks[index].name))
                return apex(index, key, type, tables, &trace)
            }
            let table = tables[networks[index].table]
            let found = table.find(key, labels: labels)
            trace.note(
                .lookedUp(
                    name: key.name(labels: 0..<labels),
                    network: networks[index].name,
                    found: found != nil
                )
            )
            if let found { return choose(found, in: table, .network(index), key, type, &trace) }
            if labels == 1, isNameServerLabel(key) {
                return resolverAddress.matches(type)
                    ? .synthetic(.resolverAddress) : .noData(.network(index))
            }
            // The longest network name is the closest authority.
            claimed = index
        }
        guard let claimed, tables.zone.find(key, labels: key.labelCount) == nil else { return nil }
        trace.note(.ours(why: "it ends in the name of one of the sandbox's networks"))
        return isDocker
            ? outside(key, type, &trace)
            : .nxDomain(
                Absence(authority: .network(claimed))
            )
    }

    private func apex<Trace: SearchTrace>(
        _ index: Int,
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ tables: NameTables,
        _ trace: inout Trace
    ) -> Verdict {
        if isDocker { return outside(key, type, &trace) }
        if let found = tables.zone.find(key, labels: key.labelCount),
            let set = tables.zone.set(of: type, in: found)
        {
            return .answer(SetHandle(table: .zone, set: set))
        }
        return switch type {
        case .soa, .any: .synthetic(.networkSOA(index))
        case .ns: .synthetic(.networkNS(index))
        default: .noData(.network(index))
        }
    }

    /// Picks from a name that exists: an answer, an alias or NODATA, never a denial of the name.
    private func choose<Trace: SearchTrace>(
        _ found: NetworkTable.Found,
        in source: NetworkTable,
        _ table: TableIndex,
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ trace: inout Trace
    ) -> Verdict {
        if isDocker {
            let answered = type == .a || type == .aaaa || type == .ptr
            // Docker forwards what it does not answer, and a name without any address.
            if !answered || found.setCount == 0 { return outside(key, type, &trace) }
        }
        let set = type == .any ? source.anySet(in: found) : source.set(of: type, in: found)
        if let set {
            trace.note(.chose(type: RecordType(set.type), count: set.count))
            return .answer(SetHandle(table: table, set: set))
        }
        if let set = source.set(of: .cname, in: found), let target = source.target(of: set) {
            trace.note(.chose(type: .cname, count: 1))
            return .alias(SetHandle(table: table, set: set), target: target)
        }
        trace.note(.lacks(type: type))
        return .noData(authority(of: table))
    }

    /// Nothing local knows the name: whose is it.
    private func absent<Trace: SearchTrace>(
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ tables: NameTables,
        _ trace: inout Trace
    ) -> Verdict {
        if isDocker { return outside(key, type, &trace) }
        if let verdict = reverse(key, type, tables, &trace) { return verdict }
        if let index = servicePrefix(key, tables) {
            trace.note(.ours(why: "it names a port or the tasks of a local service"))
            return .nxDomain(Absence(authority: .network(index)))
        }
        for apex in zoneApexes where key.labels(before: apex.octets) != nil {
            trace.note(.ours(why: "a zone file is authoritative for it"))
            return .nxDomain(Absence(authority: .zone(apex)))
        }
        // A domain that somebody was named for is asked for there, special or not.
        if let route = route(key) { return outside(type, &trace, route) }
        switch SpecialNames.answer(key, type: type) {
        case .loopbackPointer:
            trace.note(.special("the loopback address is localhost (RFC 6303)"))
            return type == .ptr || type == .any
                ? .synthetic(.loopbackPointer) : .noData(.resolver)
        case .noData:
            trace.note(.special("a special-use name that is answered here"))
            return .noData(.resolver)
        case .nxDomain:
            trace.note(.special("a special-use name that never exists in the DNS"))
            return .nxDomain(Absence(authority: .resolver))
        case .nxDomainUnlessPrivateUpstream where !upstreams.isPrivate:
            trace.note(.special("a private name, and the upstreams are public"))
            return .nxDomain(Absence(authority: .resolver))
        case .loopback, .nxDomainUnlessPrivateUpstream, nil:
            return outside(key, type, &trace)
        }
    }

    /// Reverse names inside the networks' own blocks are never asked upstream.
    private func reverse<Trace: SearchTrace>(
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ tables: NameTables,
        _ trace: inout Trace
    ) -> Verdict? {
        guard let reading = ReverseName.read(key) else { return nil }
        let block = reading.block
        for index in networks.indices {
            for subnet in tables[networks[index].table].subnets {
                if subnet.contains(block) {
                    let partial = !reading.isAddress && !reading.hasStrayLabels
                    trace.note(.reverse(block: "\(block)", why: "inside \(subnet)"))
                    return partial
                        ? .noData(.network(index))
                        : .nxDomain(Absence(authority: .network(index)))
                }
                // A block above ours exists because ours does, where the space is private.
                if block.prefixBits > 0, block.contains(subnet), !reading.hasStrayLabels,
                    block.network.isPrivate
                {
                    trace.note(.reverse(block: "\(block)", why: "holds \(subnet)"))
                    return .noData(.network(index))
                }
            }
        }
        return nil
    }

    /// The network that owns `_x._y.SERVICE` or `tasks.NAME` although it has no such name.
    private func servicePrefix(_ key: borrowing NameKey, _ tables: NameTables) -> Int? {
        guard let first = networks.indices.first, key.labelCount > 1 else { return nil }
        if key.labelCount == 2, isTasksLabel(key) { return first }
        var labels = 0
        while labels < key.labelCount, key.octet(key.labelRange(labels).lowerBound) == 0x5f {
            labels += 1
        }
        guard labels > 0, labels < key.labelCount else { return nil }
        var rest = NameKey(seed: tables.zone.seed)
        rest.load(key.name(labels: labels..<key.labelCount))
        for index in networks.indices {
            let table = tables[networks[index].table]
            if let found = table.find(rest, labels: rest.labelCount), !found.underSuffixOnly {
                return index
            }
        }
        return nil
    }

    /// The upstreams of the closest domain that has its own.
    private func route(_ key: borrowing NameKey) -> UpstreamGroup? {
        for place in domains.indices where key.labels(before: domains[place].domain.octets) != nil {
            return domains[place].upstreams
        }
        return nil
    }

    private func outside<Trace: SearchTrace>(
        _ key: borrowing NameKey,
        _ type: RecordType,
        _ trace: inout Trace
    ) -> Verdict {
        outside(type, &trace, route(key) ?? upstreams)
    }

    private func outside<Trace: SearchTrace>(
        _ type: RecordType,
        _ trace: inout Trace,
        _ group: UpstreamGroup
    ) -> Verdict {
        trace.note(.notOurs)
        if type == .any, !isDocker { return .synthetic(.minimalAny) }
        if type == .maila || type == .mailb { return .refuse(.obsoleteType) }
        return isInternal ? .refuse(.internalSandbox) : .forward(group)
    }

    /// The table that a handle speaks of.
    @inline(__always)
    package func table(_ index: TableIndex, in tables: NameTables) -> NetworkTable {
        switch index {
        case .network(let index): tables[networks[index].table]
        case .zone: tables.zone
        }
    }

    private func authority(of table: TableIndex) -> Authority {
        switch table {
        case .network(let index): .network(index)
        case .zone: .resolver
        }
    }

    private func isNameServerLabel(_ key: borrowing NameKey) -> Bool {
        key.octet(0) == 2 && key.octet(1) == 0x6e && key.octet(2) == 0x73
    }

    private func isTasksLabel(_ key: borrowing NameKey) -> Bool {
        let tasks: InlineArray<6, UInt8> = [5, 0x74, 0x61, 0x73, 0x6b, 0x73]
        for index in 0..<6 where key.octet(index) != tasks[index] { return false }
        return true
    }
}

extension NetworkTable {
    /// For ANY exactly one set (RFC 8482 §4.1), the address before the rest.
    fileprivate func anySet(in found: Found) -> SetPlace? {
        for preferred in [RecordType.a, .aaaa, .srv, .txt] {
            if let index = set(of: preferred, in: found) { return index }
        }
        return firstSet(in: found)
    }
}

extension IPAddress {
    fileprivate func matches(_ type: RecordType) -> Bool {
        switch self {
        case .v4: type == .a || type == .any
        case .v6: type == .aaaa || type == .any
        }
    }
}
