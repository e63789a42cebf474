package import Base
package import Gossip

/// Endpoints that other nodes have: they come and go by what the ring's tables say, and give names to the
/// networks that this node is on beside this node's own.
///
/// What is answered follows from which entries there are, which of their owners are drained and what
/// this node has itself, never from the order in which it came. An own endpoint with the id of an entry
/// counts instead of it. No entry makes this node part of a network, and none is written to disk.
/// Source: networkdb-dns.md B4, B5, F3, F9; docs/ARCHITECTURE.md.
extension Registry {
    // MARK: Entries

    /// Takes what the tables say, in order, as one change.
    package mutating func take(_ changes: [RemoteChange], at now: Moment) -> Effect {
        var effect = Effect()
        for change in changes { carryOut(change, at: now, &effect) }
        flush()
        return effect
    }

    private mutating func carryOut(
        _ change: RemoteChange,
        at now: Moment,
        _ effect: inout Effect
    ) {
        discovery.counts.changes += 1
        guard networks[change.network] != nil else {
            discovery.counts.strange += 1
            return
        }
        let endpoint = endpoint(change)
        if endpoint == nil, change.value != .gone { discovery.counts.invalid += 1 }
        guard let id = String(validating: change.key, as: UTF8.self) else { return }
        put(endpoint, id, in: change.network, at: now, &effect)
    }

    /// What an entry comes to; nil for none.
    private func endpoint(_ change: RemoteChange) -> Endpoint? {
        guard case .record(let record) = change.value,
            let id = String(validating: change.key, as: UTF8.self),
            var endpoint = Endpoint(record, id: id, network: change.network)
        else { return nil }
        endpoint.addedAt = change.since
        endpoint.ring = RingOrigin(
            owner: change.owner,
            path: change.path,
            isDisabled: record.isDisabled
        )
        endpoint.drained = record.isDisabled || discovery.drainedOwners.contains(change.owner)
        return endpoint
    }

    /// Has an entry be what it is now.
    private mutating func put(
        _ endpoint: Endpoint?,
        _ id: String,
        in network: DomainName,
        at now: Moment,
        _ effect: inout Effect
    ) {
        let place = networks[network]?.remotePlaces[id]
        guard var endpoint else {
            if let place { removeRemote(at: place, now, &effect) }
            return
        }
        endpoint.ring?.isShadowed = isOwn(id, in: network)
        if let place {
            if isSame(endpoint, as: endpoints[place]) {
                replaceRemote(at: place, by: endpoint, &effect)
                return
            }
            removeRemote(at: place, now, &effect)
        } else if endpoints.remoteCount >= Self.remoteEndpointsMax {
            discovery.counts.refusedBound += 1
            return
        }
        insertRemote(endpoint, &effect)
    }

    private func isOwn(_ id: String, in network: DomainName) -> Bool {
        endpoints[id]?.network == network
    }

    /// Whether both have the same names and addresses, whoever has them and since when.
    private func isSame(_ endpoint: Endpoint, as known: Endpoint) -> Bool {
        var endpoint = endpoint
        endpoint.addedAt = known.addedAt
        endpoint.drained = known.drained
        endpoint.ring = known.ring
        return endpoint == known
    }

    private mutating func insertRemote(_ endpoint: Endpoint, _ effect: inout Effect) {
        guard let ring = endpoint.ring else { return }
        let place = endpoints.insert(endpoint)
        networks[endpoint.network]?.endpointPlaces.insert(place)
        networks[endpoint.network]?.remotePlaces[endpoint.id] = place
        discovery.add(place, of: ring.owner)
        if !ring.isShadowed { enlist(endpoint, at: place, &effect) }
    }

    private mutating func removeRemote(
        at place: UInt32,
        _ now: Moment,
        _ effect: inout Effect
    ) {
        let endpoint = endpoints[place]
        networks[endpoint.network]?.endpointPlaces.remove(place)
        networks[endpoint.network]?.remotePlaces[endpoint.id] = nil
        letGo(of: place)
        if endpoint.ring?.isShadowed == false { delist(endpoint, at: place, now, &effect) }
    }

    /// Another owner, another age, drained or not: the names stay.
    private mutating func replaceRemote(
        at place: UInt32,
        by endpoint: Endpoint,
        _ effect: inout Effect
    ) {
        let known = endpoints[place]
        if let ring = known.ring { discovery.remove(place, of: ring.owner) }
        if let ring = endpoint.ring { discovery.add(place, of: ring.owner) }
        endpoints.change(at: place) { $0 = endpoint }
        if known.drained != endpoint.drained, endpoint.ring?.isShadowed == false {
            touch(endpoint, &effect)
        }
    }

    /// Forgets where an endpoint was that another node has.
    mutating func letGo(of place: UInt32) {
        guard let endpoint = endpoints.remove(at: place), let ring = endpoint.ring else { return }
        discovery.remove(place, of: ring.owner)
    }

    /// An own endpoint comes or goes: the entry of its id, if others have one, gives way or is back.
    mutating func shadow(
        _ own: Endpoint,
        _ isShadowed: Bool,
        _ now: Moment,
        _ effect: inout Effect
    ) {
        guard let place = networks[own.network]?.remotePlaces[own.id] else { return }
        let endpoint = endpoints[place]
        guard endpoint.ring?.isShadowed != isShadowed else { return }
        endpoints.change(at: place) { $0.ring?.isShadowed = isShadowed }
        if isShadowed {
            delist(endpoint, at: place, now, &effect)
        } else {
            enlist(endpoint, at: place, &effect)
        }
    }

    // MARK: Owners

    /// Has the endpoints of nodes be a last resort, or answered as all others again.
    package mutating func drain(_ owners: [(node: NodeName, isDrained: Bool)]) -> Effect {
        var effect = Effect()
        for (owner, isDrained) in owners {
            if isDrained {
                guard discovery.drainedOwners.insert(owner).inserted else { continue }
            } else {
                guard discovery.drainedOwners.remove(owner) != nil else { continue }
            }
            for place in (discovery.placesByOwner[owner] ?? []).sorted() {
                guard let ring = endpoints[place].ring else { continue }
                let drained = isDrained || ring.isDisabled
                guard endpoints[place].drained != drained else { continue }
                endpoints.change(at: place) { $0.drained = drained }
                if !ring.isShadowed { touch(endpoints[place], &effect) }
            }
        }
        flush()
        return effect
    }

    // MARK: Audits

    /// Makes what is known of a network what `entries` say, all of them that others have there.
    ///
    /// Returns how many entries were not as they say.
    package mutating func settle(
        _ network: DomainName,
        _ entries: [RemoteChange],
        at now: Moment
    ) -> (effect: Effect, differences: Int) {
        var effect = Effect()
        guard networks[network] != nil else { return (effect, 0) }
        var wanted: [String: Endpoint] = [:]
        for entry in entries where entry.network == network {
            if let endpoint = endpoint(entry) { wanted[endpoint.id] = endpoint }
        }
        var differences = 0
        for id in (networks[network]?.remotePlaces.keys.sorted() ?? []) where wanted[id] == nil {
            differences += 1
            put(nil, id, in: network, at: now, &effect)
        }
        for id in wanted.keys.sorted() {
            guard let endpoint = wanted[id] else { continue }
            let known = networks[network]?.remotePlaces[id].map { endpoints[$0] }
            if let known, isSame(endpoint, as: known), known.ring?.owner == endpoint.ring?.owner,
                known.drained == endpoint.drained
            {
                continue
            }
            differences += 1
            put(endpoint, id, in: network, at: now, &effect)
        }
        flush()
        return (effect, differences)
    }

    /// Derives all names of a network from nothing, and puts right those that are not so.
    ///
    /// Returns how many there were; it costs as much as if all endpoints were new.
    package mutating func audit(_ network: DomainName) -> (effect: Effect, differences: Int) {
        var effect = Effect()
        guard let state = networks[network] else { return (effect, 0) }
        discovery.counts.audits += 1
        var update = TableUpdate()
        let records = NetworkRecords(network: network, policy: policy)
        for place in state.endpointPlaces.sorted() {
            let endpoint = endpoints[place]
            if endpoint.ring?.isShadowed == true { continue }
            for name in records.names(of: endpoint) { update.note(name, .gained(place)) }
        }
        for service in state.emptyServices.keys.sorted() {
            update.note(service, nil)
            if let tasks = SpecialNames.tasks(of: service) { update.note(tasks, nil) }
        }
        for name in zone.names(under: network) { update.note(name, nil) }
        let empty = NetworkTable(network: network, seed: seed)
        let fresh = empty.following(
            update.edits(to: empty, from: sources(network, state)),
            subnets: state.subnets,
            denial: compiler.denial(network, policy.negativeTTL)
        )
        let differences = tables[state.table].differences(from: fresh)
        if differences > 0 {
            tables.set(fresh, at: state.table)
            effect.touch(network)
        }
        return (effect, differences)
    }

    /// Counts what an audit found.
    package mutating func note(drift: Int) { discovery.counts.drift += drift }
}

extension NetworkTable {
    /// How many names are not there in both with the same records.
    fileprivate func differences(from other: NetworkTable) -> Int {
        let (mine, others) = (allNames, other.allNames)
        var (left, right, count) = (0, 0, 0)
        while left < mine.count || right < others.count {
            if right == others.count || left < mine.count && mine[left].name < others[right].name {
                (left, count) = (left + 1, count + 1)
            } else if left == mine.count || others[right].name < mine[left].name {
                (right, count) = (right + 1, count + 1)
            } else {
                let isSame = mine[left].sets.elementsEqual(others[right].sets) { $0 == $1 }
                (left, right, count) = (left + 1, right + 1, isSame ? count : count + 1)
            }
        }
        return count
    }
}
