import Journal
import LinuxSystem

/// A file system in memory that knows what is only written and what would be left after a crash.
struct DiskImage {
    struct Inode {
        /// What a reader sees.
        var current: [UInt8] = []
        /// What is on the disk for certain.
        var durable: [UInt8] = []
        /// What was written since the last sync, in order.
        var pending: [(offset: Int, octets: [UInt8])] = []

        mutating func write(_ octets: [UInt8], at offset: Int) {
            DiskImage.put(octets[...], at: offset, into: &current)
            pending.append((offset, octets))
        }

        mutating func sync() {
            for (offset, octets) in pending {
                DiskImage.put(octets[...], at: offset, into: &durable)
            }
            pending = []
        }
    }

    enum NameChange {
        case bind(String, Int)
        case move(String, String)
        case drop(String)
    }

    /// What a crash makes of writes that were not synced.
    enum Fate: CaseIterable {
        case absent, present, front, back, mixed
    }

    static let sectorOctets = 512

    var inodes: [Int: Inode] = [:]
    var names: [String: Int] = [:]
    var durableNames: [String: Int] = [:]
    /// Changes of names since the last sync of their folder, in order.
    var pendingNames: [(folder: String, change: NameChange)] = []

    /// What is there after the power went: names are those of the first so many changes.
    func crashed(_ fate: Fate, namesKept: Bool) -> DiskImage {
        var image = DiskImage()
        image.names = durableNames
        if namesKept {
            for (_, change) in pendingNames { Self.apply(change, to: &image.names) }
        }
        image.durableNames = image.names
        for inode in Set(image.names.values) {
            var octets = inodes[inode]?.durable ?? []
            for (place, write) in (inodes[inode]?.pending ?? []).enumerated() {
                Self.tear(write.octets, at: write.offset, fate, seed: place, into: &octets)
            }
            image.inodes[inode] = Inode(current: octets, durable: octets)
        }
        return image
    }

    /// Writes those sectors that the fate lets through.
    private static func tear(
        _ octets: [UInt8],
        at offset: Int,
        _ fate: Fate,
        seed: Int,
        into target: inout [UInt8]
    ) {
        let first = offset / sectorOctets
        let last = (offset + octets.count - 1) / sectorOctets
        for sector in first...max(first, last) {
            let place = sector - first
            let isThere =
                switch fate {
                case .absent: false
                case .present: true
                case .front: place * 2 <= last - first && first != last
                case .back: place * 2 > last - first
                case .mixed: (place &* 7 &+ seed &* 3) % 3 != 0
                }
            guard isThere else { continue }
            let start = max(offset, sector * sectorOctets)
            let end = min(offset + octets.count, (sector + 1) * sectorOctets)
            put(octets[(start - offset)..<(end - offset)], at: start, into: &target)
        }
    }

    static func put(_ octets: ArraySlice<UInt8>, at offset: Int, into target: inout [UInt8]) {
        let end = offset + octets.count
        if target.count < end { target += [UInt8](repeating: 0, count: end - target.count) }
        target.replaceSubrange(offset..<end, with: octets)
    }

    static func apply(_ change: NameChange, to names: inout [String: Int]) {
        switch change {
        case .bind(let path, let inode): names[path] = inode
        case .move(let path, let target):
            if let inode = names.removeValue(forKey: path) { names[target] = inode }
        case .drop(let path): names[path] = nil
        }
    }

    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    /// A file's octets, for a test to spoil.
    subscript(path: String) -> [UInt8]? {
        get { names[path].flatMap { inodes[$0]?.current } }
        set {
            guard let newValue else {
                names[path] = nil
                durableNames[path] = nil
                return
            }
            let inode = names[path] ?? (inodes.keys.max() ?? 0) + 1
            names[path] = inode
            durableNames[path] = inode
            inodes[inode] = Inode(current: newValue, durable: newValue)
        }
    }

    func paths(_ suffix: String) -> [String] {
        names.keys.filter { $0.hasSuffix(suffix) }.sorted()
    }
}

/// What happens behind a `MemoryDisk`: counts calls, remembers images, fails where it is told to.
final class DiskStore {
    var image = DiskImage()
    private var handles: [Int32: Int] = [:]
    private var nextHandle: Int32 = 3
    private var nextInode = 1
    private(set) var calls = 0
    /// The calls, by name.
    private(set) var log: [String] = []
    /// The image before each call that changes something, if wanted.
    var remembers = false
    private(set) var history: [DiskImage] = []
    /// The call that fails, and how.
    var failing: (call: Int, code: Int32)?
    /// Nothing can be changed.
    var isReadOnly = false
    /// Files take no more than this altogether.
    var capacity = Int.max

    init(_ image: DiskImage = DiskImage()) {
        self.image = image
        nextInode = (image.inodes.keys.max() ?? 0) + 1
    }

    func step(_ call: String) throws(SystemError) {
        if remembers { history.append(image) }
        calls += 1
        log.append(call)
        let isChange = ["create", "write", "rename", "unlink"].contains(call.prefix { $0 != " " })
        if isReadOnly, isChange { throw SystemError(call, code: MemoryDisk.readOnly) }
        if let failing, failing.call == calls { throw SystemError(call, code: failing.code) }
    }

    var usedOctets: Int {
        Set(image.names.values).reduce(0) { $0 + (image.inodes[$1]?.current.count ?? 0) }
    }

    func handle(_ inode: Int) -> Int32 {
        defer { nextHandle += 1 }
        handles[nextHandle] = inode
        return nextHandle
    }

    func inode(_ handle: Int32) -> Int {
        guard let inode = handles[handle] else { fatalError("a file that is not open") }
        return inode
    }

    func newInode() -> Int {
        defer { nextInode += 1 }
        image.inodes[nextInode] = DiskImage.Inode()
        return nextInode
    }

    func release(_ handle: Int32) {
        guard handles.removeValue(forKey: handle) != nil else {
            fatalError("closed twice: \(handle)")
        }
    }

    var openFiles: Int { handles.count }
}

/// A journal's folder in memory.
struct MemoryDisk: JournalDisk, ~Copyable {
    let store: DiskStore

    static let noSuchFile: Int32 = 2
    static let ioError: Int32 = 5
    static let noSpace: Int32 = 28
    static let readOnly: Int32 = 30

    func makeFolder(_ path: String) throws(SystemError) { try store.step("mkdir \(path)") }

    func names(in folder: String) throws(SystemError) -> [String] {
        try store.step("readdir \(folder)")
        return store.image.names.keys.filter { DiskImage.folder(of: $0) == folder }
            .map { folder.isEmpty ? $0 : String($0.dropFirst(folder.count + 1)) }.sorted()
    }

    func open(_ path: String) throws(SystemError) -> DiskFile {
        try store.step("open \(path)")
        guard let inode = store.image.names[path] else {
            throw SystemError("open \(path)", code: Self.noSuchFile)
        }
        return DiskFile(raw: store.handle(inode), path: path)
    }

    func create(_ path: String) throws(SystemError) -> DiskFile {
        try store.step("create \(path)")
        let inode = store.newInode()
        change(.bind(path, inode), path)
        return DiskFile(raw: store.handle(inode), path: path)
    }

    func close(_ file: DiskFile) { store.release(file.raw) }

    func size(of file: DiskFile) throws(SystemError) -> Int {
        try store.step("fstat \(file.path)")
        return store.image.inodes[store.inode(file.raw)]?.current.count ?? 0
    }

    func mode(of file: DiskFile) throws(SystemError) -> UInt32 { 0o600 }

    func read(
        _ file: DiskFile,
        at offset: Int,
        count: Int,
        into octets: inout [UInt8]
    ) throws(SystemError) -> Int {
        try store.step("read \(file.path)")
        let current = store.image.inodes[store.inode(file.raw)]?.current ?? []
        if octets.count < count { octets = [UInt8](repeating: 0, count: count) }
        let part = current.dropFirst(offset).prefix(count)
        octets.replaceSubrange(0..<part.count, with: part)
        return part.count
    }

    func write(
        _ octets: [UInt8],
        to file: DiskFile,
        at offset: Int
    ) throws(SystemError) {
        let call = "write \(file.path) at \(offset)"
        try store.step(call)
        let inode = store.inode(file.raw)
        let size = store.image.inodes[inode]?.current.count ?? 0
        let growth = max(0, offset + octets.count - size)
        if growth > 0, store.usedOctets + growth > store.capacity {
            throw SystemError(call, code: Self.noSpace)
        }
        store.image.inodes[inode]?.write(octets, at: offset)
    }

    func sync(_ file: DiskFile) throws(SystemError) {
        let inode = store.inode(file.raw)
        do throws(SystemError) {
            try store.step("fdatasync \(file.path)")
        } catch {
            // The kernel takes the pages for clean, and nothing writes them any more.
            store.image.inodes[inode]?.pending = []
            throw error
        }
        store.image.inodes[inode]?.sync()
    }

    func syncFolder(_ path: String) throws(SystemError) {
        try store.step("fsync \(path)")
        for (folder, change) in store.image.pendingNames where folder == path {
            DiskImage.apply(change, to: &store.image.durableNames)
        }
        store.image.pendingNames.removeAll { $0.folder == path }
    }

    func rename(_ path: String, to target: String) throws(SystemError) {
        try store.step("rename \(path) to \(target)")
        change(.move(path, target), path)
    }

    func remove(_ path: String) throws(SystemError) {
        try store.step("unlink \(path)")
        guard store.image.names[path] != nil else {
            throw SystemError("unlink \(path)", code: Self.noSuchFile)
        }
        change(.drop(path), path)
    }

    func freeOctets() throws(SystemError) -> Int {
        try store.step("statvfs")
        return store.capacity == .max ? 1 << 40 : max(0, store.capacity - store.usedOctets)
    }

    private func change(_ change: DiskImage.NameChange, _ path: String) {
        DiskImage.apply(change, to: &store.image.names)
        store.image.pendingNames.append((DiskImage.folder(of: path), change))
    }
}
