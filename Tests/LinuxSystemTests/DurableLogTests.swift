import LinuxSystem
import Testing

@Suite("Durable log")
struct DurableLogTests {
    private static func directory() -> String {
        "/tmp/waggle-log-\(KernelRandom.uint64())"
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
        var records: [[UInt8]] = []
        let log = try DurableLog(directory: directory, name: "a.log") { records.append($0) }
        #expect(records == [[1, 2, 3], [], [4], [5, 6]])
        #expect(log.tornOctets == 0)
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
        var records: [[UInt8]] = []
        _ = try DurableLog(directory: directory, name: "a.log") { records.append($0) }
        #expect(records == [[7], [8]])
    }
}
