import CLDNS

/// Prints DNS messages for people, through libldns.
///
/// Only for octets that the structural walker of DNSWire has accepted, and only in a command's own
/// process: libldns spends seconds on some hostile messages and aborts on others, and its printer
/// uses the C library's shared time buffer. The daemon prints nothing.
package enum MessagePrinter {
    /// The whole message as `drill` shows it: header, sections, EDNS, size.
    ///
    /// The lines on time and server are left out; libldns does not know them and would print 0.
    /// EDNS options are printed here: libldns 1.8.3 takes the data of some for a C string.
    ///
    /// Throws: `.refused` when libldns cannot read the message, `.optionLength`.
    package static func text(of message: [UInt8]) throws(MessageError) -> String {
        var handle = try MessageHandle.parsed(message)
        let edns = try unsafe handle.read { packet throws(MessageError) in
            try unsafe ldns_pkt_edns(packet) ? DecodedEDNS(packet) : nil
        }
        handle.removeOptions()
        let text = unsafe handle.read { packet in unsafe takeText(ldns_pkt2str(packet)) }
        let unknown = [";; Query time:", ";; WHEN:", ";; SERVER:"]
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false)
        where !unknown.contains(where: { line.hasPrefix($0) }) {
            if line.hasPrefix(";; MSG SIZE"), let edns {
                lines += edns.options.map { "; \($0.text)" }
            }
            lines.append(line)
        }
        while lines.last == "" { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The data of the answer section, one record per line; empty when there is no answer.
    ///
    /// Throws: `.refused` when libldns cannot read the message.
    package static func answers(of message: [UInt8]) throws(MessageError) -> String {
        let handle = try MessageHandle.parsed(message)
        let records = unsafe handle.read { packet in
            unsafe DecodedRecord.list(ldns_pkt_answer(packet))
        }
        return records.map { $0.dataText + "\n" }.joined()
    }
}
