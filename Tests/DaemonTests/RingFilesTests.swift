import Daemon
import Foundation
import LinuxSystem
import Testing

@Suite("What a node keeps of its ring")
struct RingFilesTests {
    @Test("an incarnation never comes again: not in one second, not when the clock is put back")
    func incarnations() throws {
        let folder = "/tmp/waggle-ring-\(KernelRandom.uint64())"
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: folder) }
        let times: [UInt32] = [1000, 1000, 1000, 500, 1004, 2000]
        var seen: [UInt32] = []
        for time in times {
            let files = RingFiles(directory: folder)
            let next = try files.nextIncarnation(secondsSince2020: time)
            try files.keep(incarnation: next)
            seen.append(next)
        }
        #expect(seen == [1000, 1001, 1002, 1003, 1004, 2000])
        // What is none counts for nothing, and so does one that peers refuse.
        for text in ["", "many", "-5", "4294967295"] {
            let path = URL(filePath: folder + "/gossip.incarnation")
            try Data(text.utf8).write(to: path)
            let next = try RingFiles(directory: folder).nextIncarnation(secondsSince2020: 3000)
            #expect(next == 3000, "\(text)")
        }
    }
}
