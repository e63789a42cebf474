import Gossip

/// Reads one message's octets as they arrive: of a plain stream, or of what was inside a frame.
///
/// Every octet is looked at once or twice, and let go as soon as it is read: what is held is one
/// unread item at most, the lines read so far, and the delegate's octets.
struct StreamBody: Sendable {
    private enum Stage {
        case type
        /// A message that is one map, or the map that heads a longer one.
        case map(MessageType, ItemScanner)
        case members(ItemScanner)
        case user(MessageType)
        case done
    }

    private let role: StreamRole
    private let limits: StreamLimits
    private var stage = Stage.type
    private var exchange = StateExchange(isJoin: false, members: [])
    private var membersLeft = 0
    private var userLeft = 0
    private var user: [UInt8] = []
    private(set) var message: StreamMessage?

    init(role: StreamRole, limits: StreamLimits) {
        self.role = role
        self.limits = limits
    }

    /// Takes what it can of `window`, which begins with the first octet not taken yet.
    ///
    /// Returns the octets taken; the rest has to come again, with more behind it. `message` is there
    /// once the last octet is taken. Throws: `StreamFault`.
    mutating func take(_ window: Span<UInt8>) throws(StreamFault) -> Int {
        var at = 0
        while true {
            let rest = window.extracting(at..<window.count)
            switch stage {
            case .type:
                guard rest.count > 0 else { return at }
                guard let type = MessageType(rawValue: rest[0]), role.takes(type) else {
                    throw .type(rest[0])
                }
                at += 1
                stage = .map(type, ItemScanner(at: 0, octetsMax: limits.messageOctetsMax))
            case .map(let type, var scanner):
                let isWhole = try Self.advance(&scanner, rest, type)
                guard isWhole else {
                    stage = .map(type, scanner)
                    return at
                }
                at += scanner.at
                try read(type, rest.extracting(0..<scanner.at))
            case .members(var scanner):
                let isWhole = try Self.advance(&scanner, rest, .pushPull)
                guard isWhole else {
                    stage = .members(scanner)
                    return at
                }
                at += scanner.at
                try readMember(rest.extracting(0..<scanner.at))
            case .user(let type):
                let count = min(userLeft, rest.count)
                user.append(span: rest.extracting(0..<count))
                userLeft -= count
                at += count
                if userLeft > 0 { return at }
                finish(type)
            case .done:
                return at
            }
        }
    }

    private static func advance(
        _ scanner: inout ItemScanner,
        _ bytes: Span<UInt8>,
        _ type: MessageType
    ) throws(StreamFault) -> Bool {
        do throws(MsgpackFault) {
            return try scanner.advance(bytes)
        } catch {
            throw .message(.body(type, error))
        }
    }

    /// Reads the map of a message: all of it, or its head.
    private mutating func read(_ type: MessageType, _ map: Span<UInt8>) throws(StreamFault) {
        var reader = MsgpackReader(map)
        do throws(MsgpackFault) {
            switch type {
            case .ping: message = .ping(try Ping(&reader))
            case .ack: message = .ack(try Ack(&reader))
            case .error: message = .error(try Self.errorText(&reader))
            default: break
            }
        } catch {
            throw .message(.body(type, error))
        }
        if message != nil {
            stage = .done
            return
        }
        let head = try StreamHead(&reader, type, limits)
        exchange.isJoin = head.isJoin
        membersLeft = head.members
        userLeft = head.userOctets
        nextMember()
        if type == .user { stage = .user(.user) }
    }

    private static func errorText(_ reader: inout MsgpackReader) throws(MsgpackFault) -> String {
        var text: [UInt8] = []
        for _ in 0..<(try reader.map()) {
            switch try reader.field() {
            case .error: text = try reader.octets()
            default: try reader.skip()
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func nextMember() {
        stage =
            membersLeft > 0
            ? .members(ItemScanner(at: 0, octetsMax: limits.memberOctetsMax)) : .user(.pushPull)
    }

    /// A line without a name is nobody's, and let go: it would cost memory and say nothing.
    private mutating func readMember(_ map: Span<UInt8>) throws(StreamFault) {
        var reader = MsgpackReader(map)
        do throws(MsgpackFault) {
            let member = try MemberEntry(&reader)
            if !member.node.isEmpty { exchange.members.append(member) }
        } catch {
            throw .message(.body(.pushPull, error))
        }
        membersLeft -= 1
        nextMember()
    }

    private mutating func finish(_ type: MessageType) {
        if type == .user {
            message = .user(user)
        } else {
            exchange.userState = user
            message = .exchange(exchange)
        }
        exchange = StateExchange(isJoin: false, members: [])
        user = []
        stage = .done
    }
}

/// The map that heads a table or a user message: what is to follow, within the limits.
private struct StreamHead {
    var isJoin = false
    var members = 0
    var userOctets = 0

    init(
        _ reader: inout MsgpackReader,
        _ type: MessageType,
        _ limits: StreamLimits
    ) throws(StreamFault) {
        do throws(MsgpackFault) {
            for _ in 0..<(try reader.map()) {
                switch (try reader.field(), type) {
                case (.join, .pushPull): isJoin = try reader.flag()
                case (.nodes, .pushPull): members = try reader.integer()
                case (.userStateOctets, .pushPull): userOctets = try reader.integer()
                case (.userMessageOctets, .user): userOctets = try reader.integer()
                default: try reader.skip()
                }
            }
        } catch {
            throw .message(.body(type, error))
        }
        guard (0...limits.membersMax).contains(members) else {
            throw .members(claimed: members, limit: limits.membersMax)
        }
        let octetsMax =
            type == .user ? limits.userMessageOctetsMax : limits.userStateOctetsMax
        guard (0...octetsMax).contains(userOctets) else {
            throw .octets(claimed: userOctets, limit: octetsMax)
        }
    }
}
