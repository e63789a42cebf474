import Base
import NameServer
import Names

/// The views that the name server has.
struct Publication {
    private(set) var views: [PublishedView?] = []
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

    /// The groups of upstreams that views speak of.
    var groups: Set<UInt64> {
        var used: Set<UInt64> = []
        for case let published? in views { used.formUnion(published.groups) }
        return used
    }

    /// Puts a sandbox's new view into its slot.
    mutating func set(_ view: View, slot: Int) {
        views[slot] = PublishedView(view: view, slot: slot)
    }
}

extension ControlState {
    /// Gives the name server what an effect has changed.
    ///
    /// Views name networks by place, so only those of new sandboxes and of sandboxes that changed
    /// are made anew.
    mutating func publish(_ effect: Effect) {
        if effect.everyView {
            for sandbox in registry.sandboxes.values { refreshView(of: sandbox) }
        } else {
            for name in effect.openedSandboxes {
                if let sandbox = registry.sandboxes[name] { refreshView(of: sandbox) }
            }
        }
        server.publish(publication.views, registry.tables)
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
