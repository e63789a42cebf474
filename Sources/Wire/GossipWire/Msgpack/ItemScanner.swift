/// Finds the end of one msgpack item, however its octets arrive: each is looked at once.
///
/// Never recurses. What is refused is refused at the head that claims it: a count that its octets
/// cannot hold, a length over the limit, more than 16 levels.
struct ItemScanner: Sendable {
    /// Where the scan stands; the end of the item once `advance` has returned true.
    private(set) var at: Int
    private let start: Int
    private let octetsMax: Int
    /// Items still to come, level by level.
    private var open: InlineArray<17, Int>
    private var depth = 0
    /// Octets that must be there before another look can help.
    private var needed = 0

    /// A scan that begins at `start` and takes items of at most `octetsMax` octets.
    init(at start: Int, octetsMax: Int) {
        at = start
        self.start = start
        self.octetsMax = octetsMax
        open = InlineArray(repeating: 0)
        open[0] = 1
    }

    /// Goes on through `bytes`, which begin where they began at the last call and may have grown.
    ///
    /// Returns false when the item does not end within them.
    /// Throws: `MsgpackFault` for what can be no item within the limits.
    mutating func advance(_ bytes: Span<UInt8>) throws(MsgpackFault) -> Bool {
        if bytes.count < needed { return false }
        while true {
            while open[depth] == 0 {
                if depth == 0 { return true }
                depth -= 1
            }
            let head: MsgpackHead
            do throws(MsgpackFault) {
                head = try MsgpackHead(bytes, at: at)
            } catch .truncated(let needed, _) {
                try limit(needed - start)
                self.needed = needed
                return false
            } catch {
                throw error
            }
            let end = at + head.octets + head.payload
            try limit(end - start)
            if end > bytes.count {
                needed = end
                return false
            }
            at = end
            open[depth] -= 1
            if head.items > 0 { try descend(head.items) }
        }
    }

    private func limit(_ octets: Int) throws(MsgpackFault) {
        if octets > octetsMax { throw .length(claimed: octets, limit: octetsMax) }
    }

    private mutating func descend(_ items: Int) throws(MsgpackFault) {
        let itemsMax = octetsMax - (at - start)
        if items > itemsMax { throw .count(claimed: items, limit: itemsMax) }
        if depth == msgpackDepthMax { throw .depth(limit: msgpackDepthMax) }
        depth += 1
        open[depth] = items
    }
}
