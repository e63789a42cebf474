import DNSWire
import FuzzInput
import LDNS

/// One reply as `waggle query` prints it: what the walker has accepted may go to libldns.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzPrint(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let reply = unsafe input(start, count)
    guard (try? ReplyWalker(reply.span)) != nil else { return 0 }
    if let text = try? MessagePrinter.text(of: reply) {
        checkTerminal(text)
    }
    if let text = try? MessagePrinter.answers(of: reply) { checkTerminal(text) }
    if let message = try? DecodedMessage(reply) {
        for record in message.answer { checkTerminal(record.owner + record.dataText) }
    }
    return 0
}

/// A stranger's octets must not steer a terminal.
private func checkTerminal(_ text: String) {
    let isPlain = text.utf8.allSatisfy { $0 == 9 || $0 == 10 || (0x20...0x7e).contains($0) }
    invariant(isPlain, "plain text: \(text)")
}
