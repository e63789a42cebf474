package import Base
import DNSWire
import LinuxSystem
import Names

/// One line of the query log: a question and what became of it.
package struct QueryLogEntry: Hashable, Sendable {
    /// Where the answer came from.
    package enum Source: UInt8, Sendable {
        /// Names of this node, or a refusal.
        case local
        /// A kept reply.
        case cache
        case upstream
    }

    package let sandbox: String
    package let client: SocketEndpoint
    package let name: DomainName
    package let type: RecordType
    /// The lower four bits of the reply's response code.
    package let code: UInt8
    package let isStream: Bool
    package let source: Source
    /// From the question to the reply; nil where nobody looked at a clock.
    package let microseconds: UInt64?
}

/// The query log of one worker, on its way to whoever writes it down.
///
/// In memory that is taken once. When its reader cannot keep up, entries are dropped and counted:
/// an answer never waits for a log.
package final class QueryLogRing: Sendable {
    /// Entries that wait to be written down.
    static let entriesMax = 2048
    /// A head of 30 octets, a name of at most 254, a sandbox's of at most 253.
    private static let entryOctets = 30 + 254 + sandboxOctetsMax
    private static let sandboxOctetsMax = 253

    private let ring = RecordRing(capacity: entriesMax, recordOctets: entryOctets)

    init() {}

    /// Writes one entry, without an allocation; false when it was dropped.
    ///
    /// The worker only.
    func write(
        sandbox: String,
        client: SocketEndpoint,
        labels: Span<UInt8>,
        type: RecordType,
        code: UInt8,
        isStream: Bool,
        source: QueryLogEntry.Source,
        microseconds: UInt64?
    ) -> Bool {
        ring.write { out in
            out.append(source.rawValue)
            out.append(code)
            out.append(isStream ? 1 : 0)
            out.append(uint16: type.code)
            out.append(uint16: client.port)
            let address: (family: UInt8, high: UInt64, low: UInt64) =
                switch client.address {
                case .v4(let v4): (4, 0, UInt64(v4.value))
                case .v6(let v6): (6, v6.high, v6.low)
                }
            out.append(address.family)
            out.append(uint64: address.high)
            out.append(uint64: address.low)
            // Zero says that nobody knows: no answer takes less than a microsecond to make.
            let time = microseconds.map { UInt32(clamping: max(1, $0)) } ?? 0
            out.append(uint32: time)
            out.append(uint16: UInt16(labels.count))
            out.append(labels, labels.indices)
            for octet in sandbox.utf8.prefix(Self.sandboxOctetsMax) { out.append(octet) }
        }
    }

    /// Takes the oldest entry, if there is one; one reader only.
    package func next() -> QueryLogEntry? {
        var entry: QueryLogEntry?
        _ = ring.read { entry = QueryLogEntry(record: $0) }
        return entry
    }
}

extension QueryLogEntry {
    fileprivate init(record: Span<UInt8>) {
        guard let source = Source(rawValue: record[0]) else {
            preconditionFailure("a record of this ring names its source")
        }
        let high = record.uint64(at: 8)
        let low = record.uint64(at: 16)
        let address: IPAddress =
            record[7] == 4
            ? .v4(IPv4Address(UInt32(truncatingIfNeeded: low)))
            : .v6(IPv6Address(high: high, low: low))
        let time = UInt64(record.uint32(at: 24))
        let nameEnd = 30 + Int(record.uint16(at: 28))
        let wire = (30..<nameEnd).map { record[$0] }
        guard let name = try? DomainName(wire: wire) else {
            preconditionFailure("a question that was read has a well-formed name")
        }
        self.init(
            sandbox: String(decoding: (nameEnd..<record.count).map { record[$0] }, as: UTF8.self),
            client: SocketEndpoint(address: address, port: record.uint16(at: 5)),
            name: name,
            type: RecordType(record.uint16(at: 3)),
            code: record[1],
            isStream: record[2] == 1,
            source: source,
            microseconds: time == 0 ? nil : time
        )
    }
}

extension OutputSpan where Element == UInt8 {
    fileprivate mutating func append(uint64 value: UInt64) {
        append(uint32: UInt32(truncatingIfNeeded: value >> 32))
        append(uint32: UInt32(truncatingIfNeeded: value))
    }
}

extension Span where Element == UInt8 {
    fileprivate func uint64(at index: Int) -> UInt64 {
        UInt64(uint32(at: index)) << 32 | UInt64(uint32(at: index + 4))
    }
}
