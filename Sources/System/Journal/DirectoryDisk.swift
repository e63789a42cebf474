import Glibc
package import LinuxSystem

/// A folder of the file system, held against other processes while this value is there.
package struct DirectoryDisk: JournalDisk, ~Copyable, Sendable {
    private let root: Descriptor
    private let lock: Descriptor?
    private let isReadOnly: Bool

    /// Opens a folder, and makes it where it is not there.
    ///
    /// Throws EWOULDBLOCK when another process has it.
    package init(path: String) throws(SystemError) {
        let root: Descriptor
        do throws(SystemError) {
            root = try Descriptor.open(path: path)
        } catch {
            guard error.isNoSuchFile else { throw error }
            let parts = path.split(separator: "/", omittingEmptySubsequences: true)
            if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw Self.last("mkdir \(path)") }
            let parent = parts.dropLast().joined(separator: "/")
            let folder = path.hasPrefix("/") ? "/" + parent : parent
            let above = try Descriptor.open(path: folder.isEmpty ? "." : folder)
            if fsync(above.raw) != 0 { throw Self.last("fsync \(folder)") }
            root = try Descriptor.open(path: path)
        }
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        let raw = unsafe openBelow(root.raw, "LOCK", flags)
        if raw < 0 { throw Self.last("open \(path)/LOCK") }
        let lock = Descriptor(owning: raw)
        if flock(lock.raw, LOCK_EX | LOCK_NB) != 0 { throw Self.last("flock \(path)/LOCK") }
        self.root = consume root
        self.lock = consume lock
        isReadOnly = false
    }

    /// Looks at a folder that another process may have; nothing can be changed.
    package init(lookingAt path: String) throws(SystemError) {
        root = try Descriptor.open(path: path)
        lock = nil
        isReadOnly = true
    }

    package func makeFolder(_ path: String) throws(SystemError) {
        if unsafe mkdirat(root.raw, path, 0o700) != 0, errno != EEXIST {
            throw Self.last("mkdir \(path)")
        }
    }

    package func names(in folder: String) throws(SystemError) -> [String] {
        let raw = unsafe openBelow(
            root.raw,
            folder.isEmpty ? "." : folder,
            O_RDONLY | O_DIRECTORY | O_CLOEXEC
        )
        if raw < 0 { throw Self.last("open \(folder)") }
        guard let listing = unsafe fdopendir(raw) else {
            Glibc.close(raw)
            throw Self.last("fdopendir \(folder)")
        }
        defer { unsafe closedir(listing) }
        var names: [String] = []
        errno = 0
        while let entry = unsafe readdir(listing) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw Self.last("readdir \(folder)") }
        return names.sorted()
    }

    package func open(_ path: String) throws(SystemError) -> DiskFile {
        try opened(path, (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW)
    }

    package func create(_ path: String) throws(SystemError) -> DiskFile {
        try opened(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW)
    }

    private func opened(_ path: String, _ flags: Int32) throws(SystemError) -> DiskFile {
        let raw = unsafe openBelow(root.raw, path, flags)
        if raw < 0 { throw Self.last("open \(path)") }
        return DiskFile(raw: raw, path: path)
    }

    package func close(_ file: DiskFile) {
        Glibc.close(file.raw)
    }

    package func size(of file: DiskFile) throws(SystemError) -> Int {
        try Int(status(of: file).st_size)
    }

    package func mode(of file: DiskFile) throws(SystemError) -> UInt32 {
        try UInt32(status(of: file).st_mode) & 0o777
    }

    private func status(of file: DiskFile) throws(SystemError) -> stat {
        var status = stat()
        if unsafe fstat(file.raw, &status) != 0 { throw Self.last("fstat \(file.path)") }
        return status
    }

    package func read(
        _ file: DiskFile,
        at offset: Int,
        count: Int,
        into octets: inout [UInt8]
    ) throws(SystemError) -> Int {
        if octets.count < count { octets = [UInt8](repeating: 0, count: count) }
        var done = 0
        while done < count {
            let got = unsafe octets.withUnsafeMutableBytes { bytes in
                unsafe pread(
                    file.raw,
                    bytes.baseAddress?.advanced(by: done),
                    count - done,
                    offset + done
                )
            }
            if got < 0 && errno == EINTR { continue }
            if got < 0 { throw Self.last("read \(file.path) at \(offset + done)") }
            if got == 0 { break }
            done += got
        }
        return done
    }

    package func write(
        _ octets: [UInt8],
        to file: DiskFile,
        at offset: Int
    ) throws(SystemError) {
        var done = 0
        while done < octets.count {
            let wrote = unsafe octets.withUnsafeBytes { bytes in
                unsafe pwrite(
                    file.raw,
                    bytes.baseAddress?.advanced(by: done),
                    bytes.count - done,
                    offset + done
                )
            }
            if wrote < 0 {
                if errno == EINTR { continue }
                throw Self.last("write \(file.path) at \(offset + done)")
            }
            done += wrote
        }
    }

    package func sync(_ file: DiskFile) throws(SystemError) {
        if fdatasync(file.raw) != 0 { throw Self.last("fdatasync \(file.path)") }
    }

    package func syncFolder(_ path: String) throws(SystemError) {
        let raw = unsafe openBelow(
            root.raw,
            path.isEmpty ? "." : path,
            O_RDONLY | O_DIRECTORY | O_CLOEXEC
        )
        if raw < 0 { throw Self.last("open \(path)") }
        let folder = Descriptor(owning: raw)
        if fsync(folder.raw) != 0 { throw Self.last("fsync \(path)") }
    }

    package func rename(_ path: String, to target: String) throws(SystemError) {
        if unsafe renameat(root.raw, path, root.raw, target) != 0 {
            throw Self.last("rename \(path) to \(target)")
        }
    }

    package func remove(_ path: String) throws(SystemError) {
        if unsafe unlinkat(root.raw, path, 0) != 0 { throw Self.last("unlink \(path)") }
    }

    package func freeOctets() throws(SystemError) -> Int {
        var status = statvfs()
        if unsafe fstatvfs(root.raw, &status) != 0 { throw Self.last("fstatvfs") }
        return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }

    private static func last(_ call: String) -> SystemError {
        SystemError(call, code: errno)
    }
}

/// openat(2) with the mode of a file that nobody else may read.
@unsafe
private func openBelow(_ root: Int32, _ path: String, _ flags: Int32) -> Int32 {
    unsafe openat(root, path, flags, 0o600)
}
