import FuzzInput
import Gossip
import GossipWire

/// The user state of an exchange, and the payload of an ack.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzState(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    if octets.count > 65_536 { return 0 }
    if let state = try? TableState(octets.span) {
        invariant(state.attachments.count <= octets.count, "no more attachments than octets")
        let written = state.octets
        invariant(written.count <= octets.count, "numbers as short as they can be: \(state)")
        let again = try? TableState(written.span)
        invariant(again == state, "\(state) and then \(String(describing: again))")
    }
    if let ack = AckDigest(octets.span) {
        invariant(octets.count <= 64, "an ack does not grow by much")
        invariant(ack.octets == octets, "an ack's digest has one form: \(ack)")
    }
    return 0
}
