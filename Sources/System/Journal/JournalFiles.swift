package import JournalWire
import LinuxSystem

/// Steps that the journal, its opening and its inspection share.
package enum JournalFiles {
    /// Segments and spares of a folder, each in their order.
    struct Listing: Sendable {
        var segments: [SegmentName] = []
        var spares: [UInt64] = []
        /// Left by a process that ended.
        var unfinished: [String] = []
    }

    static func listing<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(SystemError) -> Listing {
        var listing = Listing()
        for name in try disk.names(in: JournalPath.log) {
            if let segment = SegmentName(name) {
                listing.segments.append(segment)
            } else if name.hasSuffix(JournalPath.spareSuffix),
                let number = UInt64(name.dropLast(JournalPath.spareSuffix.count))
            {
                listing.spares.append(number)
            } else if name.hasSuffix(JournalPath.unfinished) {
                listing.unfinished.append("\(JournalPath.log)/\(name)")
            }
        }
        listing.segments.sort()
        listing.spares.sort()
        return listing
    }

    /// A small file's octets; nil where there is none.
    static func octets<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        of path: String,
        octetsMax: Int
    ) throws(SystemError) -> [UInt8]? {
        let file: DiskFile
        do throws(SystemError) {
            file = try disk.open(path)
        } catch {
            if error.isNoSuchFile { return nil }
            throw error
        }
        defer { disk.close(file) }
        var octets: [UInt8] = []
        let count = try disk.read(file, at: 0, count: octetsMax, into: &octets)
        return Array(octets[..<count])
    }

    /// Puts a file in the place of an older one, or where none was: whatever ends the process, the next one
    /// finds either of them whole.
    static func replace<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ path: String,
        in folder: String,
        with octets: [UInt8]
    ) throws(SystemError) {
        let file = try disk.create(path + JournalPath.unfinished)
        defer { disk.close(file) }
        try disk.write(octets, to: file, at: 0)
        try disk.sync(file)
        try disk.rename(path + JournalPath.unfinished, to: path)
        try disk.syncFolder(folder)
    }

    /// Whose journal it is; nil where nobody's yet.
    package static func identity<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(JournalError) -> JournalIdentity? {
        let octets: [UInt8]?
        do throws(SystemError) {
            octets = try Self.octets(disk, of: JournalPath.node, octetsMax: NodeFile.octets)
        } catch { throw .system(error) }
        guard let octets else { return nil }
        do throws(FileFault) {
            return try NodeFile.identity(octets.span)
        } catch { throw .file(JournalPath.node, error) }
    }

    /// The keys of a journal; nil where it has none.
    package static func cipher<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(JournalError) -> JournalCipher? {
        let found: (octets: [UInt8], mode: UInt32)?
        do throws(SystemError) {
            found = try keyFile(disk)
        } catch { throw .system(error) }
        guard let found else { return nil }
        guard found.mode & 0o077 == 0 else {
            throw .permissions(JournalPath.key, mode: found.mode)
        }
        do throws(KeyFile.Fault) {
            return JournalCipher(try KeyFile.keys(found.octets.span))
        } catch {
            switch error {
            case .file(let fault): throw .file(JournalPath.key, fault)
            case .locked: throw .locked(JournalPath.key)
            }
        }
    }

    private static func keyFile<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(SystemError) -> (octets: [UInt8], mode: UInt32)? {
        guard
            let octets = try octets(disk, of: JournalPath.key, octetsMax: KeyFile.octetsMax)
        else { return nil }
        let file = try disk.open(JournalPath.key)
        defer { disk.close(file) }
        return (octets, try disk.mode(of: file))
    }

    static func watermark<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        of identity: JournalIdentity
    ) throws(SystemError) -> Watermark? {
        let octets = try octets(
            disk,
            of: JournalPath.watermark,
            octetsMax: Watermark.fileOctets
        )
        return octets.flatMap { Watermark.newest(in: $0.span, of: identity) }
    }

    /// Reads all segments; `syncing` also makes what is read last, where a process before this one did not
    /// come to it.
    static func scan<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ segments: [SegmentName],
        of identity: JournalIdentity,
        watermark: Watermark?,
        syncing: Bool
    ) throws(SystemError) -> JournalScan {
        var scan = JournalScan(identity: identity, watermark: watermark)
        var octets: [UInt8] = []
        for name in segments {
            let file = try disk.open(JournalPath.segment(name))
            defer { disk.close(file) }
            if syncing { try disk.sync(file) }
            let size = try disk.size(of: file)
            let count = try disk.read(file, at: 0, count: size, into: &octets)
            scan.add(
                octets.span.extracting(0..<count),
                named: name.description,
                isLast: name == segments.last
            )
        }
        scan.finish()
        return scan
    }

    /// Reads a snapshot from its first to its last octet; nil when all is well.
    static func fault<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        of name: SnapshotName,
        identity: JournalIdentity
    ) throws(SystemError) -> SnapshotFault? {
        do throws(JournalError) {
            var reader = try SnapshotReader(disk, name, of: identity)
            defer { disk.close(reader.file) }
            while try reader.step(disk) != nil {}
            return nil
        } catch {
            switch error {
            case .snapshot(_, let fault): return fault
            case .system(let error): throw error
            default: return .missing
            }
        }
    }
}

/// A snapshot being read.
package struct SnapshotReader: Sendable {
    package let name: SnapshotName
    let file: DiskFile
    private let size: Int
    private var state: SnapshotFile
    private var isAtEnd = false
    private var buffer: [UInt8] = []

    package var mark: JournalMark { state.mark }

    init<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        _ name: SnapshotName,
        of identity: JournalIdentity
    ) throws(JournalError) {
        var octets: [UInt8] = []
        do throws(SystemError) {
            file = try disk.open(JournalPath.snapshot(name))
        } catch {
            throw error.isNoSuchFile
                ? .snapshot(name.description, .missing) : .system(error)
        }
        do throws(SystemError) {
            size = try disk.size(of: file)
            let most = min(size, SnapshotFile.headerOctetsMax)
            let count = try disk.read(file, at: 0, count: most, into: &octets)
            octets.removeLast(octets.count - count)
        } catch {
            disk.close(file)
            throw .system(error)
        }
        do throws(SnapshotFault) {
            state = try SnapshotFile(octets.span, of: identity)
            guard SnapshotName(state.mark) == name else { throw .header(.misnamed) }
        } catch {
            disk.close(file)
            throw .snapshot(name.description, error)
        }
        self.name = name
    }

    /// The next piece, checked and as it lies in the file; nil behind the last.
    mutating func step<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk
    ) throws(JournalError) -> (piece: SnapshotFile.Piece, payload: [UInt8])? {
        if isAtEnd { return nil }
        do throws(SnapshotFault) {
            let head = try read(disk, at: state.offset, SnapshotFile.pieceOctets)
            let piece = try state.head(head.span, size: size)
            let start = state.offset + SnapshotFile.pieceOctets
            let payload = try read(disk, at: start, piece.octets)
            try state.accept(piece, head: head.span, payload: payload.span)
            isAtEnd = piece.isFooter
            return piece.isFooter ? nil : (piece, payload)
        } catch { throw .snapshot(name.description, error) }
    }

    private mutating func read<Disk: JournalDisk & ~Copyable>(
        _ disk: borrowing Disk,
        at offset: Int,
        _ count: Int
    ) throws(SnapshotFault) -> [UInt8] {
        let got = try? disk.read(file, at: offset, count: count, into: &buffer)
        guard let got, got == count else { throw .length(offset: offset + (got ?? 0)) }
        return Array(buffer[..<count])
    }

    /// What was sealed along with a piece.
    func additional(_ piece: SnapshotFile.Piece) -> [UInt8] {
        state.additional(number: piece.number, key: piece.key)
    }
}
