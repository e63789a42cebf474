import FoundationEssentials
import NIOCore
import NIOPosix

/// The file of a unix socket: who may open it, and whether a dead one is in the way.
enum SocketFile {
    private static let probeTimeout = TimeAmount.seconds(2)

    /// Makes the folder if it is missing and removes a socket that nobody answers on.
    ///
    /// Throws: `.alreadyServed` when somebody does, `.notASocket` for any other file, `.cannotBind`
    /// when the stale file or the folder is out of reach.
    static func makeRoom(
        at path: String,
        threads: MultiThreadedEventLoopGroup
    ) async throws(APIServerError) {
        let files = FileManager.default
        guard let present = try? files.attributesOfItem(atPath: path) else {
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            do {
                if path.hasPrefix("/"), !files.fileExists(atPath: "/" + folder) {
                    try files.createDirectory(
                        atPath: "/" + folder,
                        withIntermediateDirectories: true,
                        attributes: [.posixPermissions: 0o755]
                    )
                }
            } catch {
                throw .cannotBind(path, cause: "\(error)")
            }
            return
        }
        guard present[.type] as? FileAttributeType == .typeSocket else {
            throw .notASocket(path: path)
        }
        if await isServed(path, threads: threads) { throw .alreadyServed(path: path) }
        do {
            try files.removeItem(atPath: path)
        } catch {
            throw .cannotBind(path, cause: "\(error)")
        }
    }

    /// Whether a connection is accepted, or refused for another reason than that nobody listens:
    /// a full backlog and a lack of permission both mean a live owner.
    private static func isServed(
        _ path: String,
        threads: MultiThreadedEventLoopGroup
    ) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: threads)
                .connectTimeout(probeTimeout)
                .connect(unixDomainSocketPath: path).get()
            try? await channel.close()
            return true
        } catch {
            return switch ConnectFailure(error) {
            case .absent, .refused: false
            case .denied, .other: true
            }
        }
    }

    /// Mode 0660.
    ///
    /// Throws: `.cannotRestrict`.
    static func restrict(_ path: String) throws(APIServerError) {
        do {
            try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: path)
        } catch {
            throw .cannotRestrict(path: path, cause: "\(error)")
        }
    }

    /// Gives the file to the group; says so when that did not happen.
    static func give(_ path: String, to group: String) -> APIServer.Notice? {
        let files = FileManager.default
        func owner() -> String? {
            (try? files.attributesOfItem(atPath: path))?[.groupOwnerAccountName] as? String
        }
        do {
            try files.setAttributes([.groupOwnerAccountName: group], ofItemAtPath: path)
        } catch {
            return (error as? CocoaError)?.code == .fileWriteNoPermission
                ? .groupRefused(group) : .groupUnknown(group)
        }
        return owner() == group ? nil : .groupUnknown(group)
    }
}
