import Base
import HTTPAPI

/// A reply as people and programs read it.
enum QueryPrinter {
    enum Style {
        case full, short, json
    }

    /// The text to print, from the reply's header alone.
    static func text(_ reply: QueryReply, to message: QueryMessage, style: Style) -> String {
        let octets = reply.octets
        func count(_ at: Int) -> Int { Int(octets[at]) << 8 | Int(octets[at + 1]) }
        let transport = reply.isOverTCP ? "tcp" : "udp"
        switch style {
        case .json:
            let document: JSONValue = [
                "question": [
                    "name": .string("\(message.name)"), "type": .string("\(message.type)"),
                ],
                "rcode": .integer(octets[3] & 15), "answers": .integer(count(6)),
                "server": .string("\(reply.server)"), "transport": .string(transport),
                "octets": .integer(octets.count), "milliseconds": .integer(reply.milliseconds),
            ]
            return document.description
        case .short: return "\(count(6))"
        case .full:
            return "\(message.name) \(message.type): rcode \(octets[3] & 15), \(count(6)) answers, "
                + "\(octets.count) octets from \(reply.server) over \(transport) "
                + "in \(reply.milliseconds) ms"
        }
    }
}
