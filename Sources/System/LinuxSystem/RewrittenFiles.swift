import Glibc

/// Files of others that were rewritten in place, and what stood in them before.
///
/// A record of a file, with what stood there and what shall, is on the disk before the file is
/// touched, and goes when the file is as it was. So wherever the process ends, the next one finds
/// each file old or new, and can finish or undo it. Whose text it is shows in the file alone: what
/// is neither the old text nor the new one, nor a mixture that a crash left, is somebody's edit,
/// and is left as it is.
///
///     (none) -- rewrite --> recorded -> written -- restore --> put back -> (none)
package struct RewrittenFiles: ~Copyable {
    package typealias Place = ForeignFile.Place

    /// What became of a file.
    package enum Outcome: Hashable, Sendable {
        /// It says what it shall.
        case done
        /// Somebody has changed it meanwhile, so it was left alone.
        case edited
    }

    private struct Record {
        let place: Place
        /// Nil: there was no file.
        let original: [UInt8]?
        let written: [UInt8]
        /// Of the record's own file.
        let number: Int
    }

    private let directory: String
    private let before: ForeignFile.BeforeCall
    private var records: [String: Record] = [:]
    private var nextNumber = 1
    /// Names of records that cannot be read; they are left where they are.
    package private(set) var damaged: [String] = []

    /// Takes up the records of a directory, which is made when it is needed.
    package init(
        directory: String,
        before: @escaping ForeignFile.BeforeCall = { _ throws(SystemError) in }
    ) throws(SystemError) {
        self.directory = directory
        self.before = before
        for name in try Self.names(in: directory) {
            guard let number = Int(name) else {
                // A record that was never finished: its file was not touched.
                if name.hasSuffix(Self.unfinished) { unsafe unlink("\(directory)/\(name)") }
                continue
            }
            nextNumber = max(nextNumber, number + 1)
            let octets = try TextFile.octets(path: "\(directory)/\(name)", octetsMax: 4 << 20)
            if let record = Self.record(octets, number: number) {
                records[record.place.path] = record
            } else {
                damaged.append(name)
            }
        }
    }

    /// The files that have a record, by path.
    package var places: [Place] { records.values.map { $0.place }.sorted { $0.path < $1.path } }

    /// What stood in a file before it was rewritten; nil when there was none, or no record is.
    package func original(of path: String) -> [UInt8]? { records[path]?.original }

    /// Whether a file has a record.
    package func has(_ path: String) -> Bool { records[path] != nil }

    /// Makes a file say what `text` makes of what it said; again, and nothing is done.
    ///
    /// On failure the file is as it was, or its record stays and tells `restore` what to do.
    package mutating func rewrite(
        _ place: Place,
        _ text: (_ original: [UInt8]?) -> [UInt8]
    ) throws(SystemError) -> Outcome {
        let file = try ForeignFile.open(place, before: before)
        let octets = try file?.octets()
        guard let known = records[place.path] else {
            let written = text(octets)
            if written == octets { return .done }
            try keep(place, original: octets, written: written)
            do throws(SystemError) {
                try Self.write(written, to: file, at: place, holding: octets, before)
            } catch {
                _ = try? putBack(place)
                throw error
            }
            return .done
        }
        switch Self.condition(octets, known) {
        case .written: return .done
        case .edited: return .edited
        case .unfinished: break
        case .original:
            // What it shall say may be another text than the last time.
            let written = text(octets)
            if written != known.written { try keep(place, original: octets, written: written) }
        }
        guard let record = records[place.path] else { return .done }
        try Self.write(record.written, to: file, at: place, holding: octets, before)
        return .done
    }

    /// Puts back what stood in a file and forgets it.
    ///
    /// Without a record nothing is done. On failure the record stays.
    package mutating func restore(_ path: String) throws(SystemError) -> Outcome {
        guard let record = records[path] else { return .done }
        return try putBack(record.place)
    }

    private mutating func putBack(_ place: Place) throws(SystemError) -> Outcome {
        guard let record = records[place.path] else { return .done }
        let file = try ForeignFile.open(place, before: before)
        let octets = try file?.octets()
        let condition = Self.condition(octets, record)
        // A file that has gone took everything along.
        if let file, condition == .written || condition == .unfinished {
            if let original = record.original {
                try file.overwrite(octets ?? [], with: original)
            } else {
                try file.remove()
            }
        }
        try forget(record)
        return condition == .edited && octets != nil ? .edited : .done
    }

    private static func write(
        _ fresh: [UInt8],
        to file: consuming ForeignFile?,
        at place: Place,
        holding octets: [UInt8]?,
        _ before: @escaping ForeignFile.BeforeCall
    ) throws(SystemError) {
        if let file {
            try file.overwrite(octets ?? [], with: fresh)
        } else {
            let file = try ForeignFile.create(place, before: before)
            try file.overwrite([], with: fresh)
        }
    }

    // MARK: Whose text it is

    private enum Condition {
        case original, written
        /// A mixture of both, as a crash leaves it.
        case unfinished
        case edited
    }

    private static func condition(_ octets: [UInt8]?, _ record: Record) -> Condition {
        guard let octets else { return record.original == nil ? .original : .edited }
        if octets == record.written { return .written }
        if octets == record.original { return .original }
        let original = record.original ?? []
        let shortest = min(original.count, record.written.count)
        let longest = max(original.count, record.written.count)
        guard (shortest...longest).contains(octets.count) else { return .edited }
        // Each octet from either text, empty lines where one has ended, zeros where a file had
        // grown and nothing had reached the disk.
        for (index, octet) in octets.enumerated() {
            let old = index < original.count ? original[index] : 0x0a
            let new = index < record.written.count ? record.written[index] : 0x0a
            let isHole = octet == 0 && index >= original.count
            if octet != old, octet != new, !isHole { return .edited }
        }
        return .unfinished
    }

    // MARK: Records on disk

    private static let unfinished = ".new"

    /// Writes a record, in place of the one that the file may have: a new file, synced, renamed.
    private mutating func keep(
        _ place: Place,
        original: [UInt8]?,
        written: [UInt8]
    ) throws(SystemError) {
        let number = records[place.path]?.number ?? nextNumber
        let record = Record(place: place, original: original, written: written, number: number)
        try before("mkdir")
        try DurableFile.makeDirectories(directory)
        let path = "\(directory)/\(number)"
        try before("open")
        let file = try DurableFile.open(path + Self.unfinished, O_RDWR | O_CREAT | O_TRUNC)
        try before("write")
        try DurableFile.write(Self.octets(of: record), to: file.raw, at: 0)
        try before("fsync")
        try DurableFile.sync(file.raw, path)
        try before("rename")
        if unsafe rename(path + Self.unfinished, path) != 0 { throw .last("rename \(path)") }
        // From here on it is there for the next process, synced or not.
        records[place.path] = record
        nextNumber = max(nextNumber, number + 1)
        try before("fsync")
        try DurableFile.syncDirectory(directory)
    }

    private mutating func forget(_ record: Record) throws(SystemError) {
        let path = "\(directory)/\(record.number)"
        try before("unlink")
        if unsafe unlink(path) != 0, errno != ENOENT { throw .last("unlink \(path)") }
        records[record.place.path] = nil
        try before("fsync")
        try DurableFile.syncDirectory(directory)
    }

    /// One line with the lengths, then path, root, old text, new text as they are, so that a person
    /// can put a file back by hand.
    private static func octets(of record: Record) -> [UInt8] {
        let parts = [
            Array(record.place.path.utf8), record.place.root.map { Array($0.utf8) },
            record.original, record.written,
        ]
        let body = parts.flatMap { $0 ?? [] }
        let lengths = parts.map { $0.map { String($0.count) } ?? "-" }.joined(separator: " ")
        return Array("waggle-file 1 \(CRC32C.of(body[...])) \(lengths)\n".utf8) + body
    }

    private static func record(_ octets: [UInt8], number: Int) -> Record? {
        guard let end = octets.firstIndex(of: 0x0a) else { return nil }
        let words = String(decoding: octets[..<end], as: UTF8.self).split(separator: " ")
        guard words.count == 7, words[0] == "waggle-file", words[1] == "1",
            UInt32(words[2]) == CRC32C.of(octets[(end + 1)...])
        else { return nil }
        var at = end + 1
        var parts: [[UInt8]?] = []
        for word in words[3...] {
            guard word != "-" else {
                parts.append(nil)
                continue
            }
            guard let length = Int(word), length >= 0, length <= octets.count - at else {
                return nil
            }
            parts.append(Array(octets[at..<(at + length)]))
            at += length
        }
        guard at == octets.count, let path = parts[0], let written = parts[3] else { return nil }
        let root = parts[1].map { String(decoding: $0, as: UTF8.self) }
        return Record(
            place: Place(path: String(decoding: path, as: UTF8.self), root: root),
            original: parts[2],
            written: written,
            number: number
        )
    }

    private static func names(in directory: String) throws(SystemError) -> [String] {
        guard let folder = unsafe opendir(directory) else {
            if errno == ENOENT { return [] }
            throw .last("opendir \(directory)")
        }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            names.append(
                unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                    unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) {
                        unsafe String(cString: $0)
                    }
                }
            )
        }
        return names.sorted()
    }
}
