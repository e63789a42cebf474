import Glibc

/// A file of records that survives `kill -9` and power loss: a record is on the disk when `append`
/// returns, and a torn last record is found and cut off at the next start.
///
/// Each record is one line: CRC-32C in eight hex digits, a space, the payload, a newline. The
/// directory holds the lock that keeps a second process out. Knows nothing of what the lines say.
package struct DurableLog: ~Copyable {
    /// A line longer than this is refused.
    package static let recordOctetsMax = 256 << 20
    /// Octets that are written at once when the file is replaced.
    private static let bufferOctets = 1 << 20

    private let directory: String
    private let name: String
    private var file: Descriptor
    private let lock: Descriptor
    /// Octets of good records.
    package private(set) var size: Int
    /// Octets cut off at the end when it was opened: what a crash had left unfinished.
    package let tornOctets: Int

    /// Opens or creates `directory/name` and hands each good record to `each`.
    ///
    /// Throws EWOULDBLOCK when another process has the directory, EILSEQ when a record before the
    /// last is damaged (then nothing is changed), and what the file system says.
    package init(
        directory: String,
        name: String,
        each: ([UInt8]) -> Void
    ) throws(SystemError) {
        try DurableFile.makeDirectories(directory)
        let lock = try DurableFile.open("\(directory)/lock", O_RDWR | O_CREAT)
        if flock(lock.raw, LOCK_EX | LOCK_NB) != 0 { throw .last("flock \(directory)/lock") }
        let path = "\(directory)/\(name)"
        unsafe unlink("\(path).new")
        let file = try DurableFile.open(path, O_RDWR | O_CREAT)
        let octets = try TextFile.octets(path: path, octetsMax: .max)
        let scan = Self.scan(octets[...], each: each)
        if scan.isDamagedInside { throw SystemError("read \(path)", code: EILSEQ) }
        let torn = octets.count - scan.goodOctets
        if torn > 0, ftruncate(file.raw, scan.goodOctets) != 0 { throw .last("ftruncate \(path)") }
        if fsync(file.raw) != 0 { throw .last("fsync \(path)") }
        try DurableFile.syncDirectory(directory)
        self.directory = directory
        self.name = name
        self.lock = lock
        self.file = file
        size = scan.goodOctets
        tornOctets = torn
    }

    /// Writes a record and waits until it is on the disk.
    ///
    /// On failure the file is as before.
    package mutating func append(_ payload: [UInt8]) throws(SystemError) {
        try append(all: [payload])
    }

    /// Writes records and waits once until all are on the disk.
    ///
    /// On failure the file is as before; a crash may leave the first few of them.
    package mutating func append(all payloads: [[UInt8]]) throws(SystemError) {
        let lines = payloads.flatMap { Self.line($0) }
        do throws(SystemError) {
            try DurableFile.write(lines, to: file.raw, at: size)
            if fdatasync(file.raw) != 0 { throw .last("fdatasync \(directory)/\(name)") }
        } catch {
            ftruncate(file.raw, size)
            throw error
        }
        size += lines.count
    }

    /// Replaces all records by `payloads`, at once or not at all: a new file, synced, renamed over.
    ///
    /// Payloads are taken one by one, so that not all of them have to be in memory.
    package mutating func rewrite(_ payloads: some Sequence<[UInt8]>) throws(SystemError) {
        let path = "\(directory)/\(name)"
        let fresh = try DurableFile.open("\(path).new", O_RDWR | O_CREAT | O_TRUNC)
        var written = 0
        do throws(SystemError) {
            var lines: [UInt8] = []
            for payload in payloads {
                lines += Self.line(payload)
                if lines.count < Self.bufferOctets { continue }
                try DurableFile.write(lines, to: fresh.raw, at: written)
                written += lines.count
                lines.removeAll(keepingCapacity: true)
            }
            try DurableFile.write(lines, to: fresh.raw, at: written)
            written += lines.count
            if fsync(fresh.raw) != 0 { throw .last("fsync \(path).new") }
            if unsafe rename("\(path).new", path) != 0 { throw .last("rename \(path)") }
        } catch {
            unsafe unlink("\(path).new")
            throw error
        }
        file = fresh
        size = written
        try DurableFile.syncDirectory(directory)
    }

    private static func line(_ payload: [UInt8]) -> [UInt8] {
        let digits = String(CRC32C.of(payload[...]), radix: 16)
        let padded = String(repeating: "0", count: 8 - digits.count) + digits
        return Array(padded.utf8) + [0x20] + payload + [0x0a]
    }

    private struct Scan {
        var goodOctets = 0
        var isDamagedInside = false
    }

    /// Good records from the start; a bad one is a torn tail only when nothing good follows it.
    private static func scan(_ octets: ArraySlice<UInt8>, each: ([UInt8]) -> Void) -> Scan {
        var scan = Scan()
        var at = octets.startIndex
        var sawBad = false
        while at < octets.endIndex {
            guard let end = octets[at...].firstIndex(of: 0x0a) else { break }
            let line = octets[at..<end]
            let good =
                line.count >= 9 && line[line.startIndex + 8] == 0x20
                && UInt32(String(decoding: line.prefix(8), as: UTF8.self), radix: 16)
                    == CRC32C.of(line.dropFirst(9))
            if good && sawBad {
                scan.isDamagedInside = true
                return scan
            }
            if good {
                each(Array(line.dropFirst(9)))
                scan.goodOctets = end + 1
            } else {
                sawBad = true
            }
            at = end + 1
        }
        return scan
    }
}

/// The Castagnoli checksum (RFC 3720 appendix B.4).
enum CRC32C {
    static func of(_ octets: ArraySlice<UInt8>) -> UInt32 {
        var crc = UInt32.max
        for octet in octets {
            crc = table[Int(UInt8(truncatingIfNeeded: crc) ^ octet)] ^ (crc >> 8)
        }
        return ~crc
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in
            crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1
        }
    }
}
