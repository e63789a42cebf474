import Base
import DNSWire
import FuzzInput
import LDNS

/// Zone text as an operator writes it: what is accepted is a record that every reader takes.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzZone(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    let text = String(decoding: octets, as: UTF8.self)
    let records: [ZoneRecord]
    do throws(ZoneTextError) {
        records = try ZoneText.records(in: text, origin: origin, defaultTTL: 3600, file: "zone")
    } catch {
        invariant(error.line >= 1 && !error.description.utf8.contains(10), "one line: \(error)")
        return 0
    }
    for record in records { check(record) }
    return 0
}

private let origin: DomainName = {
    guard let name = try? DomainName("example.org") else {
        fatalError("a constant name is well formed")
    }
    return name
}()

/// Types that libldns knows but must not read (HIP and its like): their octets are the operator's.
private let opaqueTypes: Set<UInt16> = [11, 22, 34, 42, 45, 55, 260]

private func check(_ record: ZoneRecord) {
    invariant(record.ttl <= UInt32(Int32.max), "a TTL has 31 bits: \(record)")
    var reply: [UInt8] = [0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]
    reply += RecordEncoder.wire(record.owner)
    reply.append(uint16: record.type.code)
    reply.append(uint16: 1)
    RecordEncoder.append(
        .question,
        type: record.type,
        ttl: record.ttl,
        data: record.data,
        to: &reply
    )
    let walked = try? ReplyWalker(reply.span)
    invariant(walked?.answerCount == 1, "our own walker takes it: \(record)")
    if !opaqueTypes.contains(record.type.code) {
        guard let decoded = try? DecodedMessage(reply), let answer = decoded.answer.first else {
            fatalError("libldns takes it from a message: \(record)")
        }
        invariant(answer.data == record.data && answer.ttl == record.ttl, "unchanged: \(record)")
    }
    // RFC 3597 §5: every record can be written without knowing its type, within our limit.
    if record.data.count > 255 { return }
    let digits = record.data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let owner = record.owner.isRoot ? "." : "\(record.owner)."
    let generic =
        "\(owner) \(record.ttl) IN TYPE\(record.type.code) \\# \(record.data.count) \(digits)"
    let again = try? ZoneText.record(generic, defaultTTL: 0)
    invariant(again?.owner == record.owner && again?.data == record.data, generic)
    invariant(again?.type == record.type && again?.ttl == record.ttl, generic)
}
