import Base

/// A message as an attacker writes it: every field is what it is told to be, true or not.
struct Message: Sendable {
    var id: UInt16 = 0x1234
    var flags: UInt16
    /// Of the four sections, as the header claims.
    var counts: [UInt16]
    var body: [UInt8] = []

    var octets: [UInt8] { word(id) + word(flags) + counts.flatMap { word($0) } + body }

    /// A question about `web.test A`, with what follows it.
    static func query(_ rest: [UInt8] = [], additional: UInt16 = 0) -> Message {
        Message(flags: 0x0100, counts: [1, 0, 0, additional], body: question() + rest)
    }

    /// A reply to that question.
    static func reply(
        _ answers: [[UInt8]],
        authority: [[UInt8]] = [],
        additional: [[UInt8]] = []
    ) -> Message {
        let sections = [answers, authority, additional]
        return Message(
            flags: 0x8180,
            counts: [1] + sections.map { UInt16($0.count) },
            body: question() + sections.joined().joined()
        )
    }

    func with(counts: [UInt16]) -> Message {
        var message = self
        message.counts = counts
        return message
    }

    func with(flags: UInt16) -> Message {
        var message = self
        message.flags = flags
        return message
    }
}

/// Where the first octet after the question of `Message.query` and `.reply` stands.
let questionEnd = 12 + question().count

func word(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }

/// A name as it is written, letters kept, with its root octet.
func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

/// A name of labels with these lengths, without its root octet.
func labels(_ lengths: [Int]) -> [UInt8] {
    lengths.flatMap { [UInt8($0)] + [UInt8](repeating: 97, count: $0) }
}

func question(_ owner: [UInt8] = name("web.test"), type: UInt16 = 1) -> [UInt8] {
    owner + word(type) + word(1)
}

func pointer(_ offset: Int) -> [UInt8] { word(0xc000 | UInt16(offset)) }

/// A record; its length field says `length` where that is given.
func record(
    _ type: RecordType,
    _ data: [UInt8],
    owner: [UInt8] = pointer(12),
    length: Int? = nil
) -> [UInt8] {
    owner + word(type.code) + word(1) + [0, 0, 0, 60] + word(UInt16(length ?? data.count)) + data
}

let address: [UInt8] = record(.a, [192, 0, 2, 1])

func opt(
    _ options: [UInt8] = [],
    owner: [UInt8] = [0],
    size: UInt16 = 1232,
    code: UInt8 = 0,
    version: UInt8 = 0,
    length: Int? = nil
) -> [UInt8] {
    owner + word(41) + word(size) + [code, version, 0, 0]
        + word(UInt16(length ?? options.count)) + options
}

func option(_ code: UInt16, _ data: [UInt8], length: Int? = nil) -> [UInt8] {
    word(code) + word(UInt16(length ?? data.count)) + data
}

/// Pointers that each lead to the one before; the first leads to `target`, the last is followed in
/// `count` hops.
func chain(_ count: Int, at start: Int, to target: Int = 12) -> [UInt8] {
    (0..<count).flatMap { pointer($0 == 0 ? target : start + 2 * ($0 - 1)) }
}

/// A record of an unknown type that hides a chain, and the owner that follows all of it.
func hidden(_ count: Int, owner: [UInt8], at start: Int) -> (record: [UInt8], last: [UInt8]) {
    let data = start + owner.count + 10
    let record = record(RecordType(65_280), chain(count, at: data), owner: owner)
    return (record, pointer(data + 2 * (count - 1)))
}
