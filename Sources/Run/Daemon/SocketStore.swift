import Base
import LinuxSystem
import Logging
import Names

/// The sockets of sandboxes in the hands of the service manager (sd_notify(3), FDSTORE).
///
/// It keeps a copy of each while this process is started again, so that questions wait in the
/// sockets instead of being lost. All sockets of a sandbox are kept under one name, which tells the
/// sandbox and its namespace: what comes back is taken up by that name, or closed. A copy keeps a
/// dead namespace alive as our own socket does, so it goes with the sandbox.
struct SocketStore {
    /// What systemd allows of a name.
    private static let nameOctetsMax = 255

    private let logger: Logger
    /// By name, until they are taken up.
    private var inherited: [String: [InheritedSocket]]
    /// Names that the manager still has to be told to let go of, and of how many sockets.
    private var unremoved: [String: Int] = [:]
    private var hasComplained = false
    /// Sockets that may still be given to it; nil when it does not say.
    private var room: Int?

    /// `inherited`: what this process was started with.
    init(_ inherited: [InheritedSocket], logger: Logger) {
        self.inherited = Dictionary(grouping: inherited) { $0.name }
        self.logger = logger
        room = ServiceNotification.storeMax.map { max(0, $0 - inherited.count) }
    }

    /// Whether it is certain that the next process finds the sockets.
    var isCertain: Bool { ServiceNotification.isHeard && ServiceNotification.storeMax ?? 0 > 0 }

    /// The name of a sandbox's sockets; a namespace's inode is not used again while a socket in it
    /// is open.
    static func name(of sandbox: Sandbox, in namespace: FileIdentity?) -> String {
        let inode = String(namespace?.inode ?? 0, radix: 16)
        let name = "\(inode).\(sandbox.name)"
        if name.utf8.count <= nameOctetsMax { return name }
        return "\(inode)." + String(NameHash.of(Array(sandbox.name.utf8), seed: 0), radix: 16)
    }

    /// The sockets that came back under a name, once.
    mutating func take(_ name: String) -> [InheritedSocket] {
        inherited.removeValue(forKey: name) ?? []
    }

    /// Has the manager keep sockets under a name; without room for all of them, none.
    ///
    /// Returns whether it keeps them.
    mutating func keep(_ sockets: [Int32], _ name: String) -> Bool {
        // A name that is still to be let go of would take the new sockets along.
        let isFree = unremoved[name] == nil && (room ?? .max) >= sockets.count
        guard ServiceNotification.isHeard, isFree else { return false }
        do throws(SystemError) {
            for socket in sockets { try ServiceNotification.store(socket, name: name) }
            if let room { self.room = room - sockets.count }
            return true
        } catch {
            if !hasComplained {
                logger.warning(
                    "sockets are not kept over a restart",
                    metadata: ["error": "\(error)"]
                )
            }
            hasComplained = true
            // A part of them is of no use.
            remove(name, count: 0)
            return false
        }
    }

    /// Has the manager let go of the sockets under a name.
    mutating func remove(_ name: String, count: Int) {
        if !ServiceNotification.isHeard { return }
        do throws(SystemError) {
            try ServiceNotification.removeStored(name: name)
            unremoved[name] = nil
            if let room { self.room = room + count }
        } catch {
            unremoved[name] = count
        }
    }

    /// Closes what nobody has taken up.
    mutating func settle() {
        for (name, sockets) in inherited.sorted(by: { $0.key < $1.key }) {
            logger.info(
                "sockets of an earlier process are closed",
                metadata: ["name": "\(name)", "count": "\(sockets.count)"]
            )
            for socket in sockets { socket.close() }
            remove(name, count: sockets.count)
        }
        inherited = [:]
    }

    /// Whether the manager has still to be told something.
    var isBehind: Bool { !unremoved.isEmpty }

    mutating func retry() {
        for (name, count) in unremoved.sorted(by: { $0.key < $1.key }) {
            remove(name, count: count)
        }
    }
}
