import Glibc

/// A file descriptor with one owner, closed when the owner lets go.
package struct Descriptor: ~Copyable, Sendable {
    package let raw: Int32

    package init(owning raw: Int32) {
        precondition(raw >= 0, "a descriptor is never negative")
        self.raw = raw
    }

    deinit {
        close(raw)
    }

    /// Gives up ownership: the caller closes it.
    package consuming func release() -> Int32 {
        let descriptor = raw
        discard self
        return descriptor
    }

    /// One that stands for nothing but its number, to be given up when a number is needed.
    package static func spare() throws(SystemError) -> Descriptor {
        try open(path: "/dev/null")
    }

    /// Opens a path read-only, for namespaces and watches.
    package static func open(path: String) throws(SystemError) -> Descriptor {
        let raw = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if raw < 0 { throw .last("open \(path)") }
        return Descriptor(owning: raw)
    }
}

/// What a file is, beneath its name: two paths with equal identities are the same file.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(path: String) throws(SystemError) {
        var status = stat()
        if unsafe stat(path, &status) != 0 { throw .last("stat \(path)") }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
