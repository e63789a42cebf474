import ArgumentParser
package import Journal
import JournalWire
import LinuxSystem

struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Look at a manager's log on the disk; nothing is changed.",
        subcommands: [Verify.self, Dump.self]
    )

    func run() throws { throw ValidationError("verify or dump is missing") }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Read all segments and snapshots and say what is good."
        )

        @Argument(help: "The journal's folder.") var path: String

        func run() throws {
            let inspection = try JournalFolder.reading(path, "verify") {
                (disk) throws(JournalError) in
                try JournalInspection(disk)
            }
            Console.say(JournalView.verified(inspection))
            guard let first = inspection.damages.first else { return }
            throw CommandFailure(
                .failed,
                what: "journal verify",
                why: "\(first)",
                advice: "see docs/journal.md; do not delete the file"
            )
        }
    }

    struct Dump: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dump",
            abstract: "Print every record; payloads only by their length."
        )

        @Argument(help: "The journal's folder.") var path: String
        @Flag(help: "Open payloads with the folder's key and print them in hexadecimal digits.")
        var reveal = false

        func run() throws {
            let reveal = reveal
            try JournalFolder.reading(path, "dump") { (disk) throws(JournalError) in
                let cipher = reveal ? try JournalFiles.cipher(disk) : nil
                try JournalInspection.dump(disk, cipher: cipher) { item in
                    Console.say(JournalView.line(item, reveal: reveal))
                }
            }
        }
    }
}

/// A journal's folder as a command opens it.
private enum JournalFolder {
    static func reading<Value>(
        _ path: String,
        _ command: String,
        _ work: (borrowing DirectoryDisk) throws(JournalError) -> Value
    ) throws(CommandFailure) -> Value {
        do throws(JournalError) {
            let disk: DirectoryDisk
            do throws(SystemError) {
                disk = try DirectoryDisk(lookingAt: path)
            } catch { throw .system(error) }
            return try work(disk)
        } catch {
            var status = CommandStatus.failed
            if case .system(let cause) = error, cause.isNoSuchFile { status = .absent }
            throw CommandFailure(
                status,
                what: "journal \(command)",
                why: "\(error)",
                advice: status == .absent ? "give the folder of a manager's journal" : nil
            )
        }
    }
}

/// What the journal's commands print.
package enum JournalView {
    package static func verified(_ inspection: JournalInspection) -> String {
        let identity = inspection.identity
        var lines = [
            "cluster \(hex(identity.high))\(hex(identity.low)), epoch \(identity.epoch), "
                + "node \(identity.node)"
        ]
        var table = Table(["FILE", "OCTETS", "BATCHES", "ENTRIES"])
        for segment in inspection.segments {
            let entries = segment.indexes.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "-"
            table.add([
                "\(segment.name)", "\(segment.octets)", "\(segment.batches)", entries,
            ])
        }
        lines.append(table.text)
        for snapshot in inspection.snapshots {
            lines.append("\(snapshot.name): \(snapshot.fault.map { "\($0)" } ?? "good")")
        }
        let summary = inspection.scan.summary
        let state = summary.hardState
        lines.append(
            "term \(state.term), vote \(state.vote), commit \(state.commit), "
                + "entries \(summary.firstIndex) to \(summary.lastIndex)"
                + (state.isIncomplete ? ", incomplete" : "")
        )
        let witness = inspection.watermark.map {
            "batches through \($0.sequence) were durable" + ($0.isClosed ? ", closed" : "")
        }
        lines.append("watermark: \(witness ?? "none")")
        for damage in inspection.damages { lines.append("damaged: \(damage)") }
        if inspection.damages.isEmpty {
            let end = inspection.scan.end
            lines.append(
                end?.isTorn == true
                    ? "good; a batch at octet \(end?.offset ?? 0) of the last segment was not finished"
                    : "good"
            )
        }
        return lines.joined(separator: "\n")
    }

    package static func line(_ item: JournalItem, reveal: Bool) -> String {
        switch item {
        case .segment(let name, let header):
            return "\(name): node \(header.node), \(header.octets) octets"
        case .noSegment(let name, let fault): return "\(name): \(fault)"
        case .batch(let batch):
            return "  batch \(batch.sequence) at \(batch.range.lowerBound), "
                + "\(batch.range.count) octets"
        case .entry(let entry, let isSealed, let key):
            var line = "    entry \(entry.index) term \(entry.term) kind \(entry.kind)"
            if key != 0 { line += " key \(key)" }
            let octets =
                isSealed
                ? max(0, entry.payload.count - JournalFormat.sealingOctets) : entry.payload.count
            guard reveal else { return line + ", \(octets) octets" }
            return line + (isSealed ? ", \(octets) octets, sealed" : " \(hex(entry.payload))")
        case .hardState(let state):
            return "    state term \(state.term) vote \(state.vote) commit \(state.commit) "
                + "fence \(state.fence) boots \(state.boots)"
                + (state.isIncomplete ? " incomplete" : "")
        case .mark(let mark, let replacesLog):
            let members =
                reveal
                ? hex(mark.membership) : "\(mark.membership.count) octets of membership"
            return "    snapshot \(mark.index) term \(mark.term) id \(hex(mark.id)) \(members)"
                + (replacesLog ? ", replaces the log" : "")
        case .seal: return "    seal"
        case .damaged(let range):
            return "  damaged: octets \(range.lowerBound)..<\(range.upperBound)"
        }
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func hex(_ octets: [UInt8]) -> String {
        if octets.isEmpty { return "-" }
        let digits = Array("0123456789abcdef")
        return octets.reduce(into: "") { text, octet in
            text.append(digits[Int(octet >> 4)])
            text.append(digits[Int(octet & 15)])
        }
    }
}
