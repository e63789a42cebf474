/// What libFuzzer hands to a target, as octets of our own.
@unsafe
package func input(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: start, count: count))
}

/// Ends the run with a message where something does not hold.
///
/// A `precondition` says nothing in a release build, and fuzzing needs one.
@inline(__always)
package func invariant(
    _ holds: Bool,
    _ what: @autoclosure () -> String,
    file: StaticString = #file,
    line: UInt = #line
) {
    if !holds { fatalError(what(), file: file, line: line) }
}
