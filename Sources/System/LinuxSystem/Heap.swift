import CLinux

/// The heap of this process.
package enum Heap {
    /// Gives memory that is free to the system again; after something large has come or gone.
    ///
    /// Takes milliseconds for each 100 MB.
    package static func giveBack() {
        waggle_heap_trim()
    }
}
