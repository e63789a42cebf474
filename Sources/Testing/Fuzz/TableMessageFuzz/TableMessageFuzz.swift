import FuzzInput
import Gossip
import GossipWire

/// One user message of a NetworkDB ring, rumours, a bulk sync or a digest: what is read is written and
/// read the same, and never more than came.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    if octets.count > 65_536 { return 0 }
    guard let reading = try? TableReading(octets.span) else { return 0 }
    invariant(reading.malformed <= octets.count, "\(reading.malformed) of \(octets.count) octets")
    let written = reading.message.octets
    guard let again = try? TableReading(written.span) else {
        fatalError("what is written is read: \(reading.message)")
    }
    invariant(again.message == reading.message, "\(reading.message) and then \(again.message)")
    invariant(again.malformed == 0, "what is written is well formed: \(reading.message)")
    invariant(again.message.octets == written, "what is written is written the same")
    switch reading.message {
    case .rumours(let rumours): judge(rumours, octets.count)
    case .bulkSync(let sync):
        invariant(sync.networks.count <= TableLimits.networksMax, "networks")
        judge(sync.rumours, octets.count)
    case .digest: invariant(written.count <= octets.count, "numbers as short as they can be")
    }
    return 0
}

private func judge(_ rumours: [TableRumour], _ count: Int) {
    invariant(rumours.count <= TableLimits.rumoursMax, "\(rumours.count) rumours")
    let lengths = rumours.map(\.octets.count)
    invariant(lengths.reduce(0, +) <= count, "no more octets than came")
    let whole = TableMessage.rumours(rumours).octets
    invariant(TableCompound.octets(lengths) == whole.count, "octets are counted as they are")
    let fitting = TableCompound.fitting(lengths, octetsMax: whole.count)
    invariant(fitting == rumours.count, "what fits exactly fits")
    for rumour in rumours {
        // What is passed on is what others read of it.
        let alone = try? TableReading(rumour.octets.span)
        invariant(alone?.message == .rumours([rumour]), "\(rumour) alone")
        let ours = TableRumour(writing: rumour.content)
        let read = try? TableReading(ours.octets.span)
        invariant(read?.message == .rumours([ours]), "\(rumour) written anew")
    }
}
