import Foundation

/// The `waggle` executable under test.
enum Executable {
    /// What `WAGGLE_BIN` names, else the one that was built beside this test program.
    static let path: String = {
        let environment = ProcessInfo.processInfo.environment
        if let given = environment["WAGGLE_BIN"], !given.isEmpty {
            return URL(filePath: given).path
        }
        return beside("waggle") ?? "waggle"
    }()

    /// The path of a program that was built beside this test program.
    static func beside(_ name: String) -> String? {
        folders.map { $0.appending(path: name).path }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Folders that the build may have put it in, likeliest first.
    private static var folders: [URL] {
        let programs = ["/proc/self/exe"] + CommandLine.arguments.filter { $0.hasPrefix("/") }
        let beside = programs.map {
            URL(filePath: $0).resolvingSymlinksInPath().deletingLastPathComponent()
        }
        return beside + [Repository.root.appending(path: ".build/debug")]
    }
}

/// The repository this test was built from, found through the path of this file.
enum Repository {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The path of a file in `fixtures/node`.
    static func fixture(_ name: String) -> String {
        root.appending(path: "fixtures/node/\(name)").path
    }
}

/// A program of this machine, looked up like a shell does.
enum Tool {
    static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    /// Debian's own Python, which is the one that python3-dnspython is installed for.
    static let python = "/usr/bin/python3"

    static func path(_ name: String) -> String? {
        if name.hasPrefix("/") {
            return FileManager.default.isExecutableFile(atPath: name) ? name : nil
        }
        return searchPath.split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    static func has(_ names: String...) -> Bool {
        names.allSatisfy { path($0) != nil }
    }
}
