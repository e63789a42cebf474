import ClusterWire
import FuzzInput
import SwarmCore

/// A message of another manager: what is read of it has one form, which it came in.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzManagerMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    guard let message = try? ManagerMessage(octets.span) else { return 0 }
    invariant(message.octets == octets, "written as it was read")
    if case .raft(let message) = message { _ = message.isPossible }
    return 0
}
