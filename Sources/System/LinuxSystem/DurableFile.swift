import Glibc

/// The steps that a file takes to the disk, for those that keep something there.
package enum DurableFile {
    /// Puts a file that nobody else may read in the place of an older one: whatever ends the process,
    /// the next one finds either of them whole.
    ///
    /// On failure the older one is still there.
    package static func replace(_ path: String, with octets: [UInt8]) throws(SystemError) {
        let fresh = path + ".new"
        let file = try open(fresh, O_WRONLY | O_CREAT | O_TRUNC)
        try write(octets, to: file.raw, at: 0)
        try sync(file.raw, fresh)
        if unsafe rename(fresh, path) != 0 { throw .last("rename \(fresh)") }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try syncDirectory(folder.isEmpty ? "/" : folder)
    }

    /// Opens a file that nobody else may read.
    static func open(_ path: String, _ flags: Int32) throws(SystemError) -> Descriptor {
        let raw = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
        if raw < 0 { throw .last("open \(path)") }
        return Descriptor(owning: raw)
    }

    /// Writes all octets at an offset.
    static func write(
        _ octets: [UInt8],
        to file: Int32,
        at offset: Int
    ) throws(SystemError) {
        var done = 0
        while done < octets.count {
            let count = unsafe octets.withUnsafeBytes { bytes in
                unsafe pwrite(
                    file,
                    bytes.baseAddress?.advanced(by: done),
                    bytes.count - done,
                    offset + done
                )
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write")
            }
            done += count
        }
    }

    /// The octets of a range that the file has.
    static func read(_ range: Range<Int>, of file: Int32) throws(SystemError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: range.count)
        var done = 0
        while done < octets.count {
            let count = unsafe octets.withUnsafeMutableBytes { bytes in
                unsafe pread(
                    file,
                    bytes.baseAddress?.advanced(by: done),
                    bytes.count - done,
                    range.lowerBound + done
                )
            }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw .last("pread") }
            if count == 0 { throw SystemError("pread", code: EIO) }
            done += count
        }
        return octets
    }

    static func sync(_ file: Int32, _ path: String) throws(SystemError) {
        if fsync(file) != 0 { throw .last("fsync \(path)") }
    }

    /// Makes what was created, renamed and removed in a directory last.
    static func syncDirectory(_ path: String) throws(SystemError) {
        let directory = try Descriptor.open(path: path)
        try sync(directory.raw, path)
    }

    static func makeDirectories(_ path: String) throws(SystemError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? part : "/" + part
            if unsafe mkdir(made, 0o700) != 0, errno != EEXIST { throw .last("mkdir \(made)") }
        }
    }
}
