import Base
import NameServer
import Names

/// The views that the name server has, kept beside the tables they were made from.
struct Publication {
    private(set) var views: [PublishedView?] = []
    private var compiled: [DomainName: CompiledTable] = [:]
    private var zone: CompiledTable?
    private var freeSlots: [Int] = []

    /// A place for a sandbox's view.
    mutating func takeSlot() -> Int {
        if let slot = freeSlots.popLast() { return slot }
        views.append(nil)
        return views.count - 1
    }

    mutating func giveBack(_ slot: Int) {
        views[slot] = nil
        freeSlots.append(slot)
    }

    /// Compiles the tables that changed.
    mutating func refresh(
        networks: [DomainName],
        registry: borrowing Registry,
        withZone: Bool
    ) {
        let ttl = registry.policy.negativeTTL
        for network in networks {
            compiled[network] = registry.table(of: network).map {
                CompiledTable($0, negativeTTL: ttl)
            }
        }
        if withZone || zone == nil {
            zone = CompiledTable(registry.zoneTable, negativeTTL: ttl)
        }
    }

    /// The groups of upstreams that views speak of.
    var groups: Set<UInt64> {
        var used: Set<UInt64> = []
        for case let published? in views { used.formUnion(published.groups) }
        return used
    }

    /// Puts a sandbox's new view into its slot.
    mutating func set(_ view: View, slot: Int) {
        guard let zone else { preconditionFailure("tables are compiled before views") }
        let tables = view.networks.map { table in
            guard let found = compiled[table.network] else {
                preconditionFailure("network \(table.network) has no compiled table")
            }
            return found
        }
        views[slot] = PublishedView(view: view, slot: slot, networks: tables, zone: zone)
    }
}

extension ControlState {
    /// Gives the name server what an effect has changed.
    mutating func publish(_ effect: Effect) {
        publication.refresh(
            networks: effect.networks.sorted(),
            registry: registry,
            withZone: effect.everyView
        )
        for sandbox in registry.sandboxes.values {
            let isTouched =
                effect.everyView || effect.openedSandboxes.contains(sandbox.name)
                || sandbox.networks.contains { effect.networks.contains($0) }
            if isTouched { refreshView(of: sandbox) }
        }
        server.publish(publication.views)
    }

    mutating func refreshView(of sandbox: Sandbox) {
        guard let state = sandboxStates[sandbox.name] else { return }
        publication.set(view(of: sandbox), slot: state.slot)
    }

    mutating func view(of sandbox: Sandbox) -> View {
        if directory.wantsSweep { directory.keep(publication.groups) }
        var sandbox = sandbox
        if sandbox.upstreams.isEmpty, let state = sandboxStates[sandbox.name] {
            sandbox.upstreams = state.foundUpstreams
        }
        return registry.view(of: sandbox, routes: routes, directory: &directory)
    }
}
