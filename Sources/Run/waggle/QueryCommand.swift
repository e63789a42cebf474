import ArgumentParser
import Base
import FoundationEssentials
import HTTPAPI

struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Ask a DNS server, by default that of /etc/resolv.conf.",
        usage: "waggle query [@ADDR[:PORT]] NAME [TYPE] [--tcp] [--dnssec] [--short] [--json]"
    )

    @Argument(
        help: ArgumentHelp("@ADDR[:PORT], NAME and TYPE, in that order.", valueName: "words")
    )
    var words: [String]
    @Flag(help: "Ask over TCP at once.") var tcp = false
    @Flag(help: "Ask for signatures.") var dnssec = false
    @Flag(help: "Print only the values of the answer.") var short = false
    @OptionGroup var json: JSONFlag

    func validate() throws {
        do {
            _ = try QueryTarget(words)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        let target = try QueryTarget(words)
        guard let server = target.server ?? Self.systemServer() else {
            throw CommandFailure(
                .usage,
                what: "query",
                why: "/etc/resolv.conf names no server",
                advice: "name one: @ADDR[:PORT]"
            )
        }
        let message = QueryMessage(
            id: .random(in: .min ... .max),
            name: target.name,
            type: target.type,
            dnssec: dnssec
        )
        do {
            let reply = try await QueryExchange(server: server).ask(message, overTCP: tcp)
            let style: QueryPrinter.Style = json.json ? .json : short ? .short : .full
            Console.say(try QueryPrinter.text(reply, to: message, style: style))
        } catch {
            throw CommandFailure(
                .failed,
                what: "query",
                why: "\(server): \(error)",
                advice: "check the server's address or try --tcp"
            )
        }
    }

    private static func systemServer() -> SocketEndpoint? {
        FileManager.default.contents(atPath: "/etc/resolv.conf").flatMap {
            QueryTarget.firstServer(inResolvConf: String(decoding: $0, as: UTF8.self))
        }
    }
}
