import CLinux
import Glibc

/// A small file that belongs to somebody else and may be mounted elsewhere: it is read, written in
/// place and cut, never replaced by another one.
///
/// It may be looked up inside a root, and then no link and no `..` leads out of that.
package struct ForeignFile: ~Copyable {
    /// Where such a file is.
    package struct Place: Hashable, Sendable {
        /// Absolute, as the caller sees it.
        package let path: String
        /// The folder that the path is below and is looked up inside; nil: the usual way.
        package let root: String?

        /// A root that the path is not below is left out.
        package init(path: String, root: String? = nil) {
            var folder = root ?? ""
            while folder.hasSuffix("/") { folder.removeLast() }
            self.path = path
            self.root = !folder.isEmpty && path.hasPrefix(folder + "/") ? folder : nil
        }

        fileprivate var inside: (root: String, path: String)? {
            root.map { ($0, String(path.dropFirst($0.count))) }
        }
    }

    /// Told of each system call that changes something before it is made; what it throws counts as
    /// the call's failure.
    ///
    /// Tests let the first, the second, the third ... of them fail.
    package typealias BeforeCall = @Sendable (_ call: String) throws(SystemError) -> Void

    /// A longer file is refused.
    package static let octetsMax = 1 << 20

    private let place: Place
    private let file: Descriptor
    private let before: BeforeCall

    /// Opens the file; nil when there is none.
    ///
    /// Throws EINVAL for what is no regular file.
    static func open(
        _ place: Place,
        before: @escaping BeforeCall
    ) throws(SystemError) -> ForeignFile? {
        do throws(SystemError) {
            // Without waiting for the other end of what is no file at all.
            let flags = O_RDWR | O_NONBLOCK | O_NOCTTY
            return try ForeignFile(place, flags: flags, before: before)
        } catch  where error.isNoSuchFile || error.code == ENOTDIR {
            return nil
        }
    }

    /// Makes the file, empty, where there is none.
    static func create(
        _ place: Place,
        before: @escaping BeforeCall
    ) throws(SystemError) -> ForeignFile {
        try before("open")
        let flags = O_RDWR | O_CREAT | O_NOCTTY
        let file = try ForeignFile(place, flags: flags, before: before)
        // Whoever is in the container reads it, whatever this process's mask is.
        if fchmod(file.file.raw, 0o644) != 0 { throw .last("fchmod \(place.path)") }
        return file
    }

    private init(
        _ place: Place,
        flags: Int32,
        before: @escaping BeforeCall
    ) throws(SystemError) {
        let file = try Self.descriptor(place, flags: flags)
        var status = stat()
        if unsafe fstat(file.raw, &status) != 0 { throw .last("fstat \(place.path)") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError("open \(place.path), which is no regular file", code: EINVAL)
        }
        self.place = place
        self.file = file
        self.before = before
    }

    private static func descriptor(
        _ place: Place,
        flags: Int32
    ) throws(SystemError) -> Descriptor {
        guard let inside = place.inside else {
            let raw = unsafe Glibc.open(place.path, flags | O_CLOEXEC, 0o644)
            if raw < 0 { throw .last("open \(place.path)") }
            return Descriptor(owning: raw)
        }
        let folder = unsafe Glibc.open(inside.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder < 0 { throw .last("open \(inside.root)") }
        let root = Descriptor(owning: folder)
        let raw = unsafe waggle_open_in_root(root.raw, inside.path, flags | O_CLOEXEC, 0o644)
        if raw < 0 { throw SystemError("open \(place.path)", code: -raw) }
        return Descriptor(owning: raw)
    }

    /// Everything in it.
    ///
    /// Throws EFBIG for a file that is too long.
    func octets() throws(SystemError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: Self.octetsMax + 1)
        var filled = 0
        while filled < octets.count {
            let start = filled
            let count = unsafe octets.withUnsafeMutableBytes { bytes in
                let rest = unsafe bytes[start...]
                return unsafe pread(
                    file.raw,
                    UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress,
                    rest.count,
                    start
                )
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("read \(place.path)")
            }
            if count == 0 { break }
            filled += count
        }
        if filled > Self.octetsMax { throw SystemError("read \(place.path)", code: EFBIG) }
        octets.removeLast(octets.count - filled)
        return octets
    }

    /// Puts `fresh` where `old` is: space set aside, one write that covers both, synced, cut.
    ///
    /// Whoever reads in between finds the old text or the new one with empty lines behind it.
    func overwrite(_ old: [UInt8], with fresh: [UInt8]) throws(SystemError) {
        let padding = [UInt8](repeating: 0x0a, count: max(0, old.count - fresh.count))
        let octets = fresh + padding
        try before("fallocate")
        let code = octets.isEmpty ? 0 : waggle_reserve(file.raw, octets.count)
        if code != 0 { throw SystemError("fallocate \(place.path)", code: -code) }
        try before("pwrite")
        try DurableFile.write(octets, to: file.raw, at: 0)
        try before("fsync")
        try DurableFile.sync(file.raw, place.path)
        if padding.isEmpty { return }
        try before("ftruncate")
        if ftruncate(file.raw, fresh.count) != 0 { throw .last("ftruncate \(place.path)") }
    }

    /// Takes the file away that `create` made, or empties it where its name means another file now.
    func remove() throws(SystemError) {
        try before("unlink")
        if (try? unlinkName()) == true { return }
        if ftruncate(file.raw, 0) != 0 { throw .last("ftruncate \(place.path)") }
    }

    /// Whether the name was this file's, and is gone now.
    private func unlinkName() throws(SystemError) -> Bool {
        let parts = place.path.split(separator: "/")
        guard let name = parts.last.map({ String($0) }) else { return false }
        let parent = Place(path: "/" + parts.dropLast().joined(separator: "/"), root: place.root)
        // A root that the parent is no longer below is the parent itself.
        let folder = try Self.descriptor(parent, flags: O_RDONLY | O_DIRECTORY)
        var own = stat()
        var named = stat()
        guard unsafe fstat(file.raw, &own) == 0,
            unsafe fstatat(folder.raw, name, &named, AT_SYMLINK_NOFOLLOW) == 0,
            own.st_dev == named.st_dev, own.st_ino == named.st_ino
        else { return false }
        return unsafe unlinkat(folder.raw, name, 0) == 0
    }
}
