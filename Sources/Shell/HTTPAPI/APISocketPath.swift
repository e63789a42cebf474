/// Where the daemon's socket is when nobody says so.
package enum APISocketPath {
    package static let system = "/run/waggle/waggle.sock"
    /// The variable that names it.
    package static let variable = "WAGGLE_SOCKET"

    /// Where a daemon listens: the system's place for root, the user's own otherwise.
    package static func forDaemon(isRoot: Bool, runtimeDirectory: String?) -> String {
        guard !isRoot, let folder = runtimeDirectory, !folder.isEmpty else { return system }
        return folder + "/waggle.sock"
    }

    /// Where a command looks: the flag, the variable, the daemon's default; a user without a
    /// daemon of their own finds the system's, which a group may use.
    package static func forCommand(
        flag: String?,
        environment: [String: String],
        isRoot: Bool,
        exists: (String) -> Bool
    ) -> String {
        if let flag { return flag }
        if let named = environment[variable], !named.isEmpty { return named }
        let own = forDaemon(
            isRoot: isRoot,
            runtimeDirectory: environment["XDG_RUNTIME_DIR"]
        )
        return !exists(own) && exists(system) ? system : own
    }
}
