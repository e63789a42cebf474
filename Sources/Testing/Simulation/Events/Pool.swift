/// Values under numbers, so that an event can name one in 32 bits.
package struct Pool<Value: Sendable>: Sendable {
    private var values: [Value?] = []
    private var free: [UInt32] = []

    package init() {}

    /// Values that are held.
    package var count: Int { values.count - free.count }

    /// Keeps `value`; the number is its own until it is taken out.
    package mutating func put(_ value: consuming Value) -> UInt32 {
        if let number = free.popLast() {
            values[Int(number)] = value
            return number
        }
        values.append(value)
        return UInt32(values.count - 1)
    }

    /// Takes the value out.
    package mutating func take(_ number: UInt32) -> Value {
        guard let value = values[Int(number)].take() else {
            preconditionFailure("nothing under number \(number)")
        }
        free.append(number)
        return value
    }

    package subscript(number: UInt32) -> Value {
        get {
            guard let value = values[Int(number)] else {
                preconditionFailure("nothing under number \(number)")
            }
            return value
        }
        set {
            precondition(values[Int(number)] != nil, "nothing under number \(number)")
            values[Int(number)] = newValue
        }
    }
}
