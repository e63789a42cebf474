import Base
import DNSWire
import HTTPAPI
import LDNS

/// A reply as people and programs read it, printed through libldns.
///
/// Foreign octets reach libldns only behind the structural walker, and only in this process.
enum QueryPrinter {
    enum Style {
        case full, short, json
    }

    /// Throws: `CommandFailure` for a reply that is damaged.
    static func text(
        _ reply: QueryReply,
        to message: QueryMessage,
        style: Style
    ) throws -> String {
        do throws(ReplyFault) {
            _ = try ReplyWalker(reply.octets.span)
        } catch {
            throw CommandFailure(
                .failed,
                what: "query",
                why: "the reply of \(reply.server) is damaged: \(error)",
                advice: "ask another server or look at it with a packet tool"
            )
        }
        do throws(MessageError) {
            switch style {
            case .short:
                return try MessagePrinter.answers(of: reply.octets)
            case .full:
                let transport = reply.isOverTCP ? "tcp" : "udp"
                return try MessagePrinter.text(of: reply.octets)
                    + ";; from \(reply.server) over \(transport) in \(reply.milliseconds) ms"
            case .json:
                return try document(reply, message).description
            }
        } catch {
            throw CommandFailure(
                .failed,
                what: "query",
                why: "libldns cannot print the reply: \(error)",
                advice: "look at it with a packet tool"
            )
        }
    }

    private static func document(
        _ reply: QueryReply,
        _ message: QueryMessage
    ) throws(MessageError) -> JSONValue {
        let decoded = try DecodedMessage(reply.octets)
        func records(_ list: [DecodedRecord]) -> JSONValue {
            .array(
                list.map { record in
                    [
                        "name": .string(record.owner), "type": .string("\(record.type)"),
                        "ttl": .integer(record.ttl), "data": .string(record.dataText),
                    ]
                }
            )
        }
        let code = ResponseCode(rawValue: UInt8(clamping: decoded.rcode))?.mnemonic
        var flags: [String] = []
        for (name, isSet) in [
            ("qr", decoded.isReply), ("aa", decoded.isAuthoritative), ("tc", decoded.isTruncated),
            ("rd", decoded.recursionDesired), ("ra", decoded.recursionAvailable),
            ("ad", decoded.authenticData), ("cd", decoded.checkingDisabled),
        ] where isSet {
            flags.append(name)
        }
        return [
            "question": [
                "name": .string("\(message.name)"), "type": .string("\(message.type)"),
            ],
            "rcode": .string(code ?? "RCODE\(decoded.rcode)"), "flags": .strings(flags),
            "answer": records(decoded.answer), "authority": records(decoded.authority),
            "additional": records(decoded.additional),
            "server": .string("\(reply.server)"),
            "transport": .string(reply.isOverTCP ? "tcp" : "udp"),
            "octets": .integer(reply.octets.count), "milliseconds": .integer(reply.milliseconds),
        ]
    }
}
