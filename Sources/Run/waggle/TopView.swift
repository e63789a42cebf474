package import HTTPAPI

/// `GET top` as people read it.
extension Views {
    /// Rows of each table on a screen.
    private static let rowsMax = 15

    /// Counts since the daemon's start, or rates since an earlier document of the same daemon.
    package static func top(_ document: JSONValue, since earlier: JSONValue?) -> String {
        let look = Look(document, since: earlier)
        var head = "up \(Table.age(document["uptimeSeconds"]?.intValue))"
        head += ", \(look.cell(document, earlier, "questions")) \(look.unit)"
        head += ", \(look.cell(document, earlier, "dropped")) dropped"
        return [head, "", names(look), "", sandboxes(look), "", upstreams(look)]
            .joined(separator: "\n")
    }

    private static func names(_ look: Look) -> String {
        let sample = look.document["nameSample"]?.intValue ?? 0
        if sample == 0 { return "NAME\nnames are not sampled (metrics.nameSample is 0)" }
        var table = Table(["NAME", look.unit.uppercased(), "SHARE"])
        let rows = look.rows("names", by: ["name"])
        let total = look.amount(look.document, look.earlier, "questions")
        for row in rows.prefix(rowsMax) {
            let share = total > 0 ? min(100, row.amount / total * 100) : 0
            table.add([
                Table.cell(row.item["name"]), look.text(row.amount), "\(Int(share.rounded()))%",
            ])
        }
        return table.text
    }

    private static func sandboxes(_ look: Look) -> String {
        let columns = ["local", "cached", "forwarded", "nxDomain", "servFail", "refused"]
        var table = Table(
            ["SANDBOX", look.unit.uppercased()] + columns.map { $0.uppercased() }
        )
        for row in look.rows("sandboxes", by: ["name"]).prefix(rowsMax) {
            table.add(
                [Table.cell(row.item["name"]), look.text(row.amount)]
                    + columns.map { look.cell(row.item, row.earlier, $0) }
            )
        }
        return table.text
    }

    private static func upstreams(_ look: Look) -> String {
        var table = Table([
            "UPSTREAM", "FROM", "STATE", look.unit.uppercased(), "REPLIES", "FAILURES", "ROUNDTRIP",
        ])
        for row in look.rows("upstreams", by: ["address", "sandbox"]).prefix(rowsMax) {
            let micros = row.item["roundTripMicroseconds"]?.intValue ?? 0
            table.add([
                Table.cell(row.item["address"]), row.item["sandbox"]?.stringValue ?? "daemon",
                Table.cell(row.item["state"]), look.text(row.amount),
                look.cell(row.item, row.earlier, "replies"),
                look.cell(row.item, row.earlier, "failures"),
                micros == 0 ? "-" : milliseconds(micros),
            ])
        }
        return table.text
    }

    private static func milliseconds(_ micros: Int) -> String {
        let hundredths = micros / 10
        let part = hundredths % 100
        return "\(hundredths / 100).\(part < 10 ? "0" : "")\(part)ms"
    }
}

/// One document, and where there is one an earlier one that rates are taken from.
private struct Look {
    struct Row {
        let item: JSONValue
        let earlier: JSONValue?
        let amount: Double
    }

    let document: JSONValue
    let earlier: JSONValue?
    /// Between the two; nil for counts since the start.
    private let seconds: Double?

    init(_ document: JSONValue, since earlier: JSONValue?) {
        self.document = document
        let now = document["atMicroseconds"]?.intValue ?? 0
        let then = earlier?["atMicroseconds"]?.intValue ?? 0
        // A smaller reading is of a daemon that has started anew.
        let isSame =
            (earlier?["questions"]?.intValue ?? 0) <= (document["questions"]?.intValue ?? 0)
        if earlier != nil, isSame, now > then {
            self.earlier = earlier
            seconds = Double(now - then) / 1_000_000
        } else {
            self.earlier = nil
            seconds = nil
        }
    }

    var unit: String { seconds == nil ? "questions" : "questions/s" }

    /// The number at `key`, or its rate.
    func amount(_ item: JSONValue, _ earlier: JSONValue?, _ key: String) -> Double {
        let now = Double(item[key]?.intValue ?? 0)
        guard let seconds else { return now }
        return max(0, now - Double(earlier?[key]?.intValue ?? 0)) / seconds
    }

    func cell(_ item: JSONValue, _ earlier: JSONValue?, _ key: String) -> String {
        text(amount(item, earlier, key))
    }

    /// Rates below ten with one decimal place.
    func text(_ amount: Double) -> String {
        guard seconds != nil, amount < 10 else { return "\(Int(amount.rounded()))" }
        let tenths = Int((amount * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// The elements under `list`, the busiest first; `keys` say which of them is which.
    func rows(_ list: String, by keys: [String]) -> [Row] {
        let before = earlier?[list]?.arrayValue ?? []
        let rows = (document[list]?.arrayValue ?? []).map { item in
            let old = before.first { other in keys.allSatisfy { other[$0] == item[$0] } }
            // A name that was not there before has the count of the one whose place it took.
            let taken = old ?? item["excess"].map { ["questions": $0] }
            return Row(item: item, earlier: old, amount: amount(item, taken, "questions"))
        }
        return rows.enumerated().sorted { left, right in
            (right.element.amount, left.offset) < (left.element.amount, right.offset)
        }.map { $0.element }
    }
}
