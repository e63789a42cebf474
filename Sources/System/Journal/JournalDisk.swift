package import LinuxSystem

/// The few calls by which a journal touches its folder; names are relative to it.
///
/// Tests have one that fails at the k-th call, and one that remembers what would be left after a crash.
package protocol JournalDisk: ~Copyable {
    /// Makes a folder that nobody else may enter, unless it is there.
    func makeFolder(_ path: String) throws(SystemError)
    /// Sorted names of what is in a folder; "" is the journal's own.
    func names(in folder: String) throws(SystemError) -> [String]
    /// Opens a file for reading and writing.
    func open(_ path: String) throws(SystemError) -> DiskFile
    /// Makes an empty file that nobody else may read, and opens it.
    func create(_ path: String) throws(SystemError) -> DiskFile
    func close(_ file: DiskFile)
    func size(of file: DiskFile) throws(SystemError) -> Int
    /// Who besides the owner may do what with a file: the lower nine bits of its mode.
    func mode(of file: DiskFile) throws(SystemError) -> UInt32
    /// Fills the front of `octets` with as many as are asked for and there; returns how many.
    func read(
        _ file: DiskFile,
        at offset: Int,
        count: Int,
        into octets: inout [UInt8]
    ) throws(SystemError) -> Int
    func write(
        _ octets: [UInt8],
        to file: DiskFile,
        at offset: Int
    ) throws(SystemError)
    /// Waits until what was written, and how to find it, is on the disk.
    func sync(_ file: DiskFile) throws(SystemError)
    /// Makes what was made, renamed and removed in a folder last.
    func syncFolder(_ path: String) throws(SystemError)
    func rename(_ path: String, to target: String) throws(SystemError)
    func remove(_ path: String) throws(SystemError)
    /// Octets that this process may still take of the file system.
    func freeOctets() throws(SystemError) -> Int
}

/// An open file: a number that only its disk understands.
package struct DiskFile: Hashable, Sendable {
    package let raw: Int32
    package let path: String

    package init(raw: Int32, path: String) {
        self.raw = raw
        self.path = path
    }
}
