import Gossip

/// The name of a struct's field, as peers spell it: compared as two numbers.
///
/// Names are those of the peers' own sources, case and all. Source: gossip-wire.md §3.
struct FieldName: Hashable, Sendable {
    let octets: ShortOctets

    init(_ octets: ShortOctets) {
        self.octets = octets
    }

    init(_ text: String) {
        octets = ShortOctets(text.utf8)
        precondition(octets.isWhole, "\(text) is longer than every field's name")
    }

    static let adjustment = FieldName("Adjustment")
    static let address = FieldName("Addr")
    static let algorithm = FieldName("Algo")
    static let buffer = FieldName("Buf")
    static let coalesce = FieldName("CC")
    static let delegateCurrent = FieldName("DelegateCur")
    static let delegateMax = FieldName("DelegateMax")
    static let delegateMin = FieldName("DelegateMin")
    static let destinationAddress = FieldName("DestAddr")
    static let destinationName = FieldName("DestName")
    static let error = FieldName("Error")
    static let eventTime = FieldName("EventLTime")
    static let events = FieldName("Events")
    static let expression = FieldName("Expr")
    static let filters = FieldName("Filters")
    static let flags = FieldName("Flags")
    static let from = FieldName("From")
    static let height = FieldName("Height")
    static let id = FieldName("ID")
    static let incarnation = FieldName("Incarnation")
    static let ip = FieldName("IP")
    static let join = FieldName("Join")
    static let key = FieldName("Key")
    static let keys = FieldName("Keys")
    static let leftMembers = FieldName("LeftMembers")
    static let message = FieldName("Message")
    static let meta = FieldName("Meta")
    static let nack = FieldName("Nack")
    static let name = FieldName("Name")
    static let node = FieldName("Node")
    static let nodes = FieldName("Nodes")
    static let payload = FieldName("Payload")
    static let port = FieldName("Port")
    static let primaryKey = FieldName("PrimaryKey")
    static let protocolCurrent = FieldName("ProtocolCur")
    static let protocolMax = FieldName("ProtocolMax")
    static let protocolMin = FieldName("ProtocolMin")
    static let prune = FieldName("Prune")
    static let queryTime = FieldName("QueryLTime")
    static let relayFactor = FieldName("RelayFactor")
    static let result = FieldName("Result")
    static let sequence = FieldName("SeqNo")
    static let sourceAddress = FieldName("SourceAddr")
    static let sourceNode = FieldName("SourceNode")
    static let sourcePort = FieldName("SourcePort")
    static let state = FieldName("State")
    static let status = FieldName("Status")
    static let statusTimes = FieldName("StatusLTimes")
    static let tag = FieldName("Tag")
    static let tags = FieldName("Tags")
    static let target = FieldName("Target")
    static let time = FieldName("LTime")
    static let timeout = FieldName("Timeout")
    static let userMessageOctets = FieldName("UserMsgLen")
    static let userStateOctets = FieldName("UserStateLen")
    static let vector = FieldName("Vec")
    static let versions = FieldName("Vsn")
    static let zone = FieldName("Zone")
}
