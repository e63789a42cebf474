import Daemon
import Foundation
import Testing

@Suite("Configuration: what docs/configuration.md says")
struct ConfigurationDocumentationTests {
    /// The rows of the table: key and flag, empty where there is none.
    private static let rows: [(key: String, flag: String)] = {
        let page = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/configuration.md")
        let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { row in
            let cells = row.split(separator: "|", omittingEmptySubsequences: false)
            let clean = cells.map { $0.filter { $0 != "`" && $0 != " " } }
            return (clean[1], clean[4])
        }
    }()

    /// Sections and maps that no variable can spell.
    private static let fileOnly = ["dns.domains", "sandboxes", "endpoints", "networks"]

    @Test("every key of the table is known to the file")
    func keys() {
        #expect(Self.rows.count == 30)
        for row in Self.rows {
            let document = row.key.split(separator: ".").reversed().reduce("\"?\"") { inner, word in
                "{\"\(word)\": \(inner)}"
            }
            let found = message { () throws(ConfigurationError) in try load(document) }
            #expect(!found.contains("unknown key"), "\(row.key): \(found)")
        }
    }

    @Test("every key but the lists of objects has a variable")
    func variables() {
        for row in Self.rows {
            let words = row.key.split(separator: ".").map { word in
                word.reduce(into: "") { name, letter in
                    name += letter.isUppercase ? "_\(letter)" : letter.uppercased()
                }
            }
            let variable = "WAGGLE_" + words.joined(separator: "_")
            let found = message { () throws(ConfigurationError) in
                try load(environment: [variable: "?"])
            }
            let isUnknown = found.contains("unknown variable")
            #expect(isUnknown == Self.fileOnly.contains(row.key), "\(variable): \(found)")
        }
    }

    @Test("the table has every flag")
    func flags() {
        let flags = Set(Self.rows.map(\.flag)).subtracting([""])
        #expect(
            flags == [
                "--name", "--state-dir", "--socket", "--upstream", "--gossip-bind", "--gossip-join",
                "--log-level",
            ]
        )
    }
}
