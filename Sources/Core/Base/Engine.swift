/// The one grammar of every pure core.
///
/// A driver feeds inputs and wake-ups and obeys the outputs in order; the real loop and the
/// simulator do so alike. An engine never reads a clock, never throws dice of its own making and
/// never calls out: time and identities come in as arguments, randomness from a seeded generator
/// that the engine holds. Source: docs/ARCHITECTURE.md, "One grammar for every engine".
package protocol Engine: ~Copyable {
    associatedtype Input
    associatedtype Output
    associatedtype WakeReason

    /// Takes one input that happened at `now`.
    mutating func handle(_ input: consuming Input, at now: Moment)
    /// Does what has come due by `now`.
    mutating func wake(at now: Moment)
    /// When the engine next wants `wake`, and why; nil when nothing is pending.
    var nextWake: (moment: Moment, reason: WakeReason)? { get }
    /// The oldest output not yet taken.
    mutating func next() -> Output?
}
