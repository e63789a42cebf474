package import JournalWire
package import LinuxSystem

/// Why a journal did not do what it was asked.
package enum JournalError: Error, Hashable, Sendable {
    /// A system call failed; its name has the file and the offset.
    case system(SystemError)
    /// Another process has the folder.
    case inUse(String)
    /// A small file of the journal is not what it has to be.
    case file(String, FileFault)
    /// Segments are there, and the file that says whose they are is not.
    case identityLost
    /// Others may read a file with keys.
    case permissions(String, mode: UInt32)
    /// The keys are sealed with another that was not given.
    case locked(String)
    /// What is asked for needs what is damaged; `repair` gives that up.
    case damaged(JournalDamage)
    /// A call failed before: nothing is written any more, so that nothing is said to be durable that is not.
    case poisoned
    /// There is no room for another segment, or for a snapshot; nothing was written.
    case full
    /// An entry that fits into no segment.
    case tooLarge(octets: Int, limit: Int)
    /// Entries that do not follow on the log.
    case gap(expected: UInt64, got: UInt64)
    /// An entry that is not in the log.
    case absent(UInt64)
    /// No key that is here opens the payload of an entry.
    case sealed(UInt64, key: UInt32)
    case snapshot(String, SnapshotFault)

    /// Whether the journal writes no more after it.
    package var isFatal: Bool {
        switch self {
        case .system, .poisoned: true
        default: false
        }
    }
}

extension JournalError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .inUse(let path): "\(path): another process has this journal; stop it first"
        case .file(let name, let fault): "\(name): \(fault)"
        case .identityLost:
            "node.id: there is none, but there are segments; put it back from a copy"
        case .permissions(let name, let mode):
            "\(name): others may read it (mode \(String(mode, radix: 8))); chmod 600"
        case .locked(let name): "\(name): the keys are locked; give the key that opens them"
        case .damaged(let damage): "\(damage)"
        case .poisoned: "a write failed before; start again"
        case .full: "no space for another segment; free some"
        case .tooLarge(let octets, let limit):
            "an entry of \(octets) octets; a segment takes \(limit)"
        case .gap(let expected, let got): "entry \(got) where \(expected) has to be"
        case .absent(let index): "entry \(index) is not in the log"
        case .sealed(let index, let key):
            "entry \(index): key \(key) does not open it; put the right key file back"
        case .snapshot(let name, let fault): "\(name): \(fault)"
        }
    }
}
