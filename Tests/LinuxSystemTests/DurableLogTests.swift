import Foundation
import Glibc
import LinuxSystem
import Testing

@Suite("Durable log")
struct DurableLogTests {
    private static func directory() -> String {
        "/tmp/waggle-log-\(KernelRandom.uint64())"
    }

    /// Opens a log that has just been closed here, and returns what it holds.
    ///
    /// A program that another test starts at this moment holds a copy of the lock until it runs.
    private static func reopened(_ directory: String) throws -> [[UInt8]] {
        for _ in 0..<200 {
            if let records = try? read(directory) { return records }
            usleep(10_000)
        }
        return try read(directory)
    }

    private static func read(_ directory: String) throws -> [[UInt8]] {
        var records: [[UInt8]] = []
        let log = try DurableLog(directory: directory, name: "a.log") { records.append($0) }
        #expect(log.tornOctets == 0)
        return records
    }

    @Test("records come back in order, and a second opener is kept out")
    func reopen() throws {
        let directory = Self.directory()
        do {
            var log = try DurableLog(directory: directory, name: "a.log") { _ in }
            try log.append([1, 2, 3])
            try log.append([])
            try log.append(all: [[4], [5, 6]])
            #expect(throws: SystemError.self) {
                _ = try DurableLog(directory: directory, name: "a.log") { _ in }
            }
        }
        #expect(try Self.reopened(directory) == [[1, 2, 3], [], [4], [5, 6]])
    }

    @Test("a replacement takes the log's place with what the log has taken meanwhile")
    func replacement() throws {
        let directory = Self.directory()
        do {
            var log = try DurableLog(directory: directory, name: "a.log") { _ in }
            for octet in 0..<100 { try log.append([UInt8(octet)]) }
            var fresh = try log.beginReplacement()
            try log.append([[7]], to: &fresh)
            try log.append([8])
            try log.append([[9], [12]], to: &fresh)
            try log.adopt(fresh)
            try log.append([11])
        }
        #expect(try Self.reopened(directory) == [[7], [9], [12], [8], [11]])
    }

    @Test("a replacement that is not finished changes nothing")
    func unfinishedReplacement() throws {
        let directory = Self.directory()
        do {
            var log = try DurableLog(directory: directory, name: "a.log") { _ in }
            try log.append([1])
            var fresh = try log.beginReplacement()
            try log.append([[7]], to: &fresh)
            try log.append([2])
        }
        #expect(try Self.reopened(directory) == [[1], [2]])
        #expect(!FileManager.default.fileExists(atPath: directory + "/a.log.new"))
    }
}
