import FuzzInput
import Gossip
import GossipWire

/// The value of an entry, taken for an endpoint's record and for a peer's.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzRecord(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    if octets.count > 2 * TableLimits.recordOctetsMax { return 0 }
    if let record = try? EndpointRecord(octets.span) {
        invariant(octets.count <= TableLimits.recordOctetsMax, "no longer than it may be")
        invariant(!record.name.isEmpty, "a record has a name")
        for names in [record.aliases, record.taskAliases] {
            invariant(names.count <= TableLimits.recordNamesMax, "\(names.count) names")
        }
        for ports in [record.ports, record.ingressPorts] {
            invariant(ports.count <= TableLimits.recordPortsMax, "\(ports.count) ports")
        }
        let written = record.octets
        // Written out, a record may be longer than it came: `<nil>`, and what is no transport.
        if written.count <= TableLimits.recordOctetsMax {
            let again = try? EndpointRecord(written.span)
            invariant(again == record, "\(record) and then \(String(describing: again))")
        }
    }
    if let record = try? PeerRecord(octets.span) {
        let again = try? PeerRecord(record.octets.span)
        invariant(again == record, "\(record) and then \(String(describing: again))")
    }
    return 0
}
