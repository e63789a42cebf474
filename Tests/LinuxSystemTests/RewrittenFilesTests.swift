import Foundation
import Glibc
import LinuxSystem
import Synchronization
import Testing

@Suite("Files rewritten in place")
struct RewrittenFilesTests {
    private static let old = "nameserver 10.1.1.1\nnameserver 10.1.1.2\nsearch corp.example\n"
    private static let short = "nameserver 127.0.0.11\n"
    private static let long = String(repeating: "# a longer text than before\n", count: 9)

    @Test("a file is rewritten under its inode and put back", arguments: [short, long, ""])
    func there(text: String) throws {
        let folder = try Scratch(Self.old)
        defer { folder.remove() }
        let inode = try FileIdentity(path: folder.file)
        var files = try RewrittenFiles(directory: folder.records)
        #expect(try files.rewrite(folder.place) { _ in Array(text.utf8) } == .done)
        #expect(folder.text == text)
        #expect(try FileIdentity(path: folder.file) == inode)
        #expect(files.original(of: folder.file) == Array(Self.old.utf8))
        #expect(try files.restore(folder.file) == .done)
        #expect(folder.text == Self.old)
        #expect(try FileIdentity(path: folder.file) == inode)
        #expect(folder.recordCount == 0)
    }

    @Test("a file that was not there is made and taken away again")
    func absent() throws {
        let folder = try Scratch(nil)
        defer { folder.remove() }
        var files = try RewrittenFiles(directory: folder.records)
        #expect(try files.rewrite(folder.place) { $0 ?? Array("new".utf8) } == .done)
        #expect(folder.text == "new")
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file)
        #expect(attributes[.posixPermissions] as? Int == 0o644)
        #expect(try files.restore(folder.file) == .done)
        #expect(folder.text == nil)
    }

    @Test("a second rewriting changes nothing and knows the first original")
    func twice() throws {
        let folder = try Scratch(Self.old)
        defer { folder.remove() }
        var files = try RewrittenFiles(directory: folder.records)
        for text in [Self.short, Self.long] {
            #expect(try files.rewrite(folder.place) { _ in Array(text.utf8) } == .done)
            #expect(folder.text == Self.short)
        }
        #expect(folder.recordCount == 1)
        #expect(try files.restore(folder.file) == .done)
        #expect(folder.text == Self.old)
        #expect(try files.restore(folder.file) == .done)
    }

    @Test("what somebody has written meanwhile stays", arguments: ["edited\n", "", long + short])
    func edited(text: String) throws {
        let folder = try Scratch(Self.old)
        defer { folder.remove() }
        var files = try RewrittenFiles(directory: folder.records)
        #expect(try files.rewrite(folder.place) { _ in Array(Self.short.utf8) } == .done)
        try folder.write(text)
        #expect(try files.rewrite(folder.place) { _ in Array(Self.short.utf8) } == .edited)
        #expect(try files.restore(folder.file) == .edited)
        #expect(folder.text == text)
        #expect(folder.recordCount == 0)
    }

    @Test("a file that has gone is forgotten")
    func gone() throws {
        let folder = try Scratch(Self.old)
        defer { folder.remove() }
        var files = try RewrittenFiles(directory: folder.records)
        _ = try files.rewrite(folder.place) { _ in Array(Self.short.utf8) }
        try FileManager.default.removeItem(atPath: folder.home)
        #expect(try files.restore(folder.file) == .done)
        #expect(folder.recordCount == 0)
    }

    @Test("the next process finds the records and puts the files back")
    func later() throws {
        let folder = try Scratch(Self.old)
        defer { folder.remove() }
        do {
            var files = try RewrittenFiles(directory: folder.records)
            _ = try files.rewrite(folder.place) { _ in Array(Self.short.utf8) }
        }
        try Data("half a record".utf8).write(to: URL(filePath: folder.records + "/7.new"))
        var files = try RewrittenFiles(directory: folder.records)
        #expect(files.places == [folder.place])
        #expect(files.original(of: folder.file) == Array(Self.old.utf8))
        #expect(try files.restore(folder.file) == .done)
        #expect(folder.text == Self.old)
        #expect(folder.recordCount == 0)
    }

    @Test("a damaged record is told of and left where it is")
    func damaged() throws {
        let folder = try Scratch(Self.old)
        defer { folder.remove() }
        do {
            var files = try RewrittenFiles(directory: folder.records)
            _ = try files.rewrite(folder.place) { _ in Array(Self.short.utf8) }
        }
        let path = folder.records + "/1"
        var octets = Array(try Data(contentsOf: URL(filePath: path)))
        octets[octets.count - 1] ^= 1
        try Data(octets).write(to: URL(filePath: path))
        let files = try RewrittenFiles(directory: folder.records)
        #expect(files.damaged == ["1"])
        #expect(files.places == [])
        #expect(folder.recordCount == 1)
    }

    @Test("a link does not lead out of the root", arguments: ["/secret", "../../secret"])
    func links(target: String) throws {
        let folder = try Scratch(nil)
        defer { folder.remove() }
        // What the link would mean outside: the file beside the root.
        let outside = folder.path + "/secret"
        try Data("secret".utf8).write(to: URL(filePath: outside))
        let link = target == "/secret" ? outside : target
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder.file, withDestinationPath: link)
        var inside = try RewrittenFiles(directory: folder.records)
        let place = ForeignFile.Place(path: folder.file, root: folder.home + "/")
        _ = try? inside.rewrite(place) { _ in Array("taken".utf8) }
        _ = try? inside.restore(folder.file)
        #expect(try String(contentsOfFile: outside, encoding: .utf8) == "secret")
    }

    @Test("what is no regular file is refused", arguments: ["pipe", "folder"])
    func kinds(kind: String) throws {
        let folder = try Scratch(nil)
        defer { folder.remove() }
        if kind == "pipe" {
            let code = unsafe mkfifo(folder.file, 0o600)
            #expect(code == 0)
        } else {
            let files = FileManager.default
            try files.createDirectory(atPath: folder.file, withIntermediateDirectories: true)
        }
        var files = try RewrittenFiles(directory: folder.records)
        #expect(throws: SystemError.self) {
            _ = try files.rewrite(folder.place) { _ in [1] }
        }
        #expect(folder.recordCount == 0)
    }
}

@Suite("Files rewritten in place: every call fails once")
struct RewrittenFilesFaultTests {
    private static let old = "nameserver 10.1.1.1\nnameserver 10.1.1.2\nsearch corp.example\n"

    /// How a fault shows itself.
    enum Fault: CaseIterable {
        /// One call fails, and those after it work.
        case error
        /// The process ends before the call: no later one happens.
        case kill
    }

    @Test(
        "the file is old or new after every step of a rewriting, and can be put back",
        arguments: Fault.allCases,
        [(old, "nameserver 127.0.0.11\n"), (old, old + old), (nil, "new\n")]
            as [(String?, String)]
    )
    func rewriting(fault: Fault, texts: (String?, String)) throws {
        let (old, fresh) = texts
        var isDone = false
        var step = 0
        while !isDone {
            step += 1
            try #require(step < 50)
            let folder = try Scratch(old)
            defer { folder.remove() }
            do {
                var files = try RewrittenFiles(
                    directory: folder.records,
                    before: Self.seam(fault, at: step)
                )
                let outcome = try? files.rewrite(folder.place) { _ in Array(fresh.utf8) }
                isDone = outcome == .done
            }
            #expect(folder.isOneOf(old, fresh), "step \(step): \(folder.text ?? "-")")
            if isDone { #expect(folder.text == fresh) }
            var next = try RewrittenFiles(directory: folder.records)
            #expect(next.damaged == [])
            #expect(try next.restore(folder.file) == .done)
            // A file that was made and has no text yet is as good as none.
            let text = folder.text
            #expect(text == old || old == nil && text == "", "step \(step)")
            #expect(folder.recordCount == 0)
        }
        #expect(step > 6)
    }

    @Test(
        "the file is new or old after every step of putting it back, which can be done again",
        arguments: Fault.allCases,
        [(old, "nameserver 127.0.0.11\n"), (old, old + old), (nil, "new\n")]
            as [(String?, String)]
    )
    func restoring(fault: Fault, texts: (String?, String)) throws {
        let (old, fresh) = texts
        var isDone = false
        var step = 0
        while !isDone {
            step += 1
            try #require(step < 50)
            let folder = try Scratch(old)
            defer { folder.remove() }
            do {
                var files = try RewrittenFiles(directory: folder.records)
                _ = try files.rewrite(folder.place) { _ in Array(fresh.utf8) }
            }
            do {
                var files = try RewrittenFiles(
                    directory: folder.records,
                    before: Self.seam(fault, at: step)
                )
                isDone = (try? files.restore(folder.file)) == .done
            }
            #expect(folder.isOneOf(old, fresh), "step \(step): \(folder.text ?? "-")")
            var next = try RewrittenFiles(directory: folder.records)
            #expect(try next.restore(folder.file) == .done)
            #expect(folder.text == old, "step \(step)")
            #expect(folder.recordCount == 0)
        }
        #expect(step > 2)
    }

    @Test("a mixture that a crash left is finished or undone", arguments: [true, false])
    func torn(finish: Bool) throws {
        let fresh = "nameserver 127.0.0.11\noptions ndots:0\n"
        // Before that both texts are the same, and the mixture is the old one.
        let start = fresh.commonPrefix(with: Self.old).count
        for cut in (start + 1)..<Self.old.count {
            let folder = try Scratch(Self.old)
            defer { folder.remove() }
            var files = try RewrittenFiles(directory: folder.records)
            _ = try files.rewrite(folder.place) { _ in Array(fresh.utf8) }
            let padded = fresh + String(repeating: "\n", count: Self.old.count - fresh.count)
            try folder.write(String(padded.prefix(cut)) + String(Self.old.dropFirst(cut)))
            if finish {
                #expect(try files.rewrite(folder.place) { _ in Array("x".utf8) } == .done)
                #expect(folder.text == fresh)
            }
            #expect(try files.restore(folder.file) == .done)
            #expect(folder.text == Self.old, "cut at \(cut)")
        }
    }

    private static func seam(_ fault: Fault, at step: Int) -> ForeignFile.BeforeCall {
        let calls = Calls()
        return { call throws(SystemError) in
            let number = calls.next()
            let fails = fault == .kill ? number >= step : number == step
            if fails { throw SystemError(call, code: ENOSPC) }
        }
    }

    private final class Calls: Sendable {
        private let count = Atomic<Int>(0)
        func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    }
}

/// A folder with one file in a folder of its own, and a place for records.
private struct Scratch {
    let path = "/tmp/waggle-files-\(KernelRandom.uint64())"
    var home: String { path + "/home" }
    var file: String { home + "/resolv.conf" }
    var records: String { path + "/state/files" }
    var place: ForeignFile.Place { ForeignFile.Place(path: file) }

    init(_ text: String?) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: home, withIntermediateDirectories: true)
        if let text { try write(text) }
    }

    func write(_ text: String) throws {
        // Under the same inode, as an editor in a container has to.
        if let handle = FileHandle(forWritingAtPath: file) {
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(text.utf8))
        } else {
            try Data(text.utf8).write(to: URL(filePath: file))
        }
    }

    var text: String? {
        FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the file says one of these, empty lines at its end aside.
    func isOneOf(_ texts: String?...) -> Bool {
        texts.contains { other in
            guard let text, let other else { return text == nil || text == "" && other == nil }
            return text.trimmingCharacters(in: .newlines)
                == other.trimmingCharacters(in: .newlines)
        }
    }

    var recordCount: Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: records)) ?? []).count
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
