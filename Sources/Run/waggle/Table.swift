package import HTTPAPI

/// Rows for people: columns as wide as their widest cell, two spaces between, nothing at the end
/// of a line.
package struct Table {
    private let header: [String]
    private var rows: [[String]] = []

    package init(_ header: [String]) {
        self.header = header
    }

    /// One cell for each column.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == header.count, "\(cells.count) cells, \(header.count) columns")
        rows.append(cells.map { Self.printable($0) })
    }

    /// The lines, without a line end after the last.
    package var text: String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let isLast = column == row.count - 1
                line += isLast ? cell : cell.padded(to: widths[column] + 2)
            }
            return line.trimmingSpacesAtEnd
        }.joined(separator: "\n")
    }

    /// A value in a cell: `-` for nothing, lists by commas, an upstream object by its address.
    package static func cell(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null?: return "-"
        case .bool(let truth)?: return truth ? "yes" : "no"
        case .number(let number)?: return number.text
        case .string(let text)?: return text.isEmpty ? "-" : text
        case .array(let elements)?:
            return elements.isEmpty ? "-" : elements.map { cell($0) }.joined(separator: ",")
        case .object?: return cell(value?["address"])
        }
    }

    /// `59s`, `59m`, `47h`, `3d`: the two or three characters that a column can spare.
    package static func age(_ seconds: Int?) -> String {
        guard let seconds else { return "-" }
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }

    /// Control characters would steer the terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : $0 }
            )
        )
    }
}

extension String {
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }

    var trimmingSpacesAtEnd: String {
        var text = self
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}
