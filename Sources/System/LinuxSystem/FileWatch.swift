import Glibc

/// Tells when a file's contents may have changed, however they are replaced: written in place,
/// renamed over, or behind a symbolic link that is changed (inotify(7)).
///
/// Watched are the file itself, for writes through another mount of it, and the folder of every
/// name on the way to it. It says that something happened, not what: the owner looks again and
/// renews the watch, since a file of the same name may be another one.
package final class FileWatch: Sendable {
    /// Links that are followed (path_resolution(7) allows as many).
    private static let linksMax = 40

    private let descriptor: Descriptor
    /// The names that matter in each watched folder; none for the file itself.
    private let names: [Int32: Set<String>]

    /// Throws: when nothing at all of the path can be watched.
    package init(path: String) throws(SystemError) {
        let raw = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        if raw < 0 { throw .last("inotify_init1") }
        let descriptor = Descriptor(owning: raw)
        var names: [Int32: Set<String>] = [:]
        var failure: SystemError?
        for step in Self.steps(to: path) {
            do throws(SystemError) {
                let (watch, name) = try Self.addFolder(of: step, to: descriptor)
                names[watch, default: []].insert(name)
            } catch {
                failure = error
            }
        }
        // A file that is not there is seen by its folder when it comes.
        if let own = try? Self.add(path, to: descriptor, Self.fileEvents) { names[own] = [] }
        if names.isEmpty, let failure { throw failure }
        self.names = names
        self.descriptor = descriptor
    }

    package var raw: Int32 { descriptor.raw }

    /// Takes what has been reported; whether any of it is about the file.
    package func takeEvents() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var isTouched = false
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor.raw, buffer.baseAddress, buffer.count)
            }
            if count <= 0 { return isTouched }
            if concerns(buffer[..<count]) { isTouched = true }
        }
    }

    /// Whether one of the events is about a name on the way to the file.
    private func concerns(_ octets: ArraySlice<UInt8>) -> Bool {
        var rest = octets
        // Watch, mask, cookie, length of the name, and the name padded with zeros.
        while rest.count >= 16 {
            let watch = Int32(bitPattern: Self.word(rest))
            let mask = Self.word(rest.dropFirst(4))
            let length = Int(Self.word(rest.dropFirst(12)))
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            rest = rest.dropFirst(16 + length)
            // What was lost in an overflow may have been about the file.
            if mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
            guard let wanted = names[watch] else { continue }
            if name.isEmpty || wanted.contains(String(decoding: name, as: UTF8.self)) {
                return true
            }
        }
        return false
    }

    private static func word(_ octets: ArraySlice<UInt8>) -> UInt32 {
        octets.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static let fileEvents =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MODIFY) | UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF)
        | UInt32(IN_ATTRIB)
    private static let folderEvents =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM)
        | UInt32(IN_MOVED_TO) | UInt32(IN_MOVE_SELF) | UInt32(IN_DELETE_SELF) | UInt32(IN_ONLYDIR)

    /// Watches the folder of a name; while that is not there, the next one above for it to come.
    private static func addFolder(
        of step: (folder: String, name: String),
        to descriptor: borrowing Descriptor
    ) throws(SystemError) -> (watch: Int32, name: String) {
        var step = step
        while true {
            do throws(SystemError) {
                return (try add(step.folder, to: descriptor, folderEvents), step.name)
            } catch  where error.isNoSuchFile && step.folder != "/" && step.folder != "." {
                step = split(step.folder)
            }
        }
    }

    private static func add(
        _ path: String,
        to descriptor: borrowing Descriptor,
        _ events: UInt32
    ) throws(SystemError) -> Int32 {
        let watch = unsafe inotify_add_watch(descriptor.raw, path, events)
        if watch < 0 { throw .last("inotify_add_watch \(path)") }
        return watch
    }

    /// Each name that leads to the file, with the folder it stands in: the path's own, and that of
    /// every link's target.
    private static func steps(to path: String) -> [(folder: String, name: String)] {
        var steps: [(folder: String, name: String)] = []
        var path = path
        while steps.count < linksMax {
            let parts = split(path)
            steps.append(parts)
            guard let target = link(path) else { break }
            path = target.hasPrefix("/") ? target : "\(parts.folder)/\(target)"
        }
        return steps
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[path.index(after: slash)...]))
    }

    /// What a symbolic link says; nil for anything else.
    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe buffer.withUnsafeMutableBytes { buffer -> Int in
            guard let start = buffer.baseAddress else { return -1 }
            return unsafe readlink(
                path,
                start.assumingMemoryBound(to: CChar.self),
                buffer.count
            )
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
