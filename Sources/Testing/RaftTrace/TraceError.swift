/// A directive that cannot be carried out as it stands.
package struct TraceError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A number of a directive.
func number(_ text: String) throws(TraceError) -> UInt64 {
    guard let number = UInt64(text) else { throw TraceError("'\(text)' is not a number") }
    return number
}
