import Foundation
import Glibc
import LinuxSystem
import Testing

@Suite("Watching a file that is replaced in many ways")
struct FileWatchTests {
    /// A folder with `real/one`, `real/two` and `link`, which leads to `real/one` by `hop`.
    private final class Place {
        let path: String

        init() throws {
            path =
                FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
                .appending(path: "waggle-watch-\(UUID().uuidString.prefix(8))").path
            try FileManager.default.createDirectory(
                atPath: "\(path)/real",
                withIntermediateDirectories: true
            )
            try write("real/one", "1")
            try write("real/two", "2")
            try link("hop", to: "real/one")
            try link("link", to: "\(path)/hop")
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
        }

        func link(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: "\(path)/\(name)",
                withDestinationPath: target
            )
        }

        func rename(_ from: String, over to: String) {
            _ = unsafe Glibc.rename("\(path)/\(from)", "\(path)/\(to)")
        }
    }

    @Test("writing in place, renaming over it, and removing it are seen")
    func plain() throws {
        let place = try Place()
        let path = "\(place.path)/real/one"
        let steps: [() throws -> Void] = [
            { try place.write("real/one", "changed") },
            { place.rename("real/two", over: "real/one") },
            { try FileManager.default.removeItem(atPath: path) },
            { try place.write("real/one", "back") },
        ]
        for (number, step) in steps.enumerated() {
            let watch = try FileWatch(path: path)
            #expect(!watch.takeEvents())
            try step()
            #expect(watch.takeEvents(), "step \(number)")
            #expect(!watch.takeEvents())
        }
    }

    @Test("behind links, each of them and the file at their end are seen")
    func links() throws {
        let place = try Place()
        let steps: [() throws -> Void] = [
            { try place.write("real/one", "changed") },
            { place.rename("real/two", over: "real/one") },
            {
                try place.link("hop2", to: "real/missing")
                place.rename("hop2", over: "hop")
            },
            { try place.write("real/missing", "come") },
            {
                try place.link("link2", to: "real/one")
                place.rename("link2", over: "link")
            },
        ]
        for (number, step) in steps.enumerated() {
            let watch = try FileWatch(path: "\(place.path)/link")
            try step()
            #expect(watch.takeEvents(), "step \(number)")
        }
    }

    @Test("a folder that is not there yet is waited for")
    func missingFolder() throws {
        let place = try Place()
        let watch = try FileWatch(path: "\(place.path)/later/deeper/file")
        try FileManager.default.createDirectory(
            atPath: "\(place.path)/later",
            withIntermediateDirectories: false
        )
        #expect(watch.takeEvents())
    }

    @Test("other files of the folder are no matter")
    func others() throws {
        let place = try Place()
        let watch = try FileWatch(path: "\(place.path)/link")
        try place.write("other", "x")
        try place.write("real/other", "x")
        place.rename("other", over: "another")
        #expect(!watch.takeEvents())
    }
}
