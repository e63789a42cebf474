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

    @Test("a rewrite replaces everything")
    func rewrite() throws {
        let directory = Self.directory()
        do {
            var log = try DurableLog(directory: directory, name: "a.log") { _ in }
            for octet in 0..<100 { try log.append([UInt8(octet)]) }
            try log.rewrite([[7]])
            try log.append([8])
        }
        #expect(try Self.reopened(directory) == [[7], [8]])
    }
}
