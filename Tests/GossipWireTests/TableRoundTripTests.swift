import Base
import Gossip
import GossipWire
import Testing

/// What holds for all that is said of tables: it is read as it was written, and written as it was read.
@Suite("NetworkDB there and back")
struct TableRoundTripTests {
    @Test("a message written, read and written again is the same")
    func messages() throws {
        var dice = TableDice(seed: 21)
        for _ in 0..<2000 {
            let message = dice.message()
            let written = message.octets
            let reading = try TableReading(written.span)
            #expect(reading.message == message)
            #expect(reading.malformed == 0)
            #expect(reading.message.octets == written)
        }
    }

    @Test("a state, an ack's digest and the values of both tables, too")
    func others() throws {
        var dice = TableDice(seed: 22)
        for _ in 0..<500 {
            let state = dice.state()
            let stateRead = try TableState(state.octets.span)
            #expect(stateRead == state)
            #expect(stateRead.octets == state.octets)
            let ack = dice.ack()
            #expect(ack.octets.count <= 64)
            #expect(TableCodec.wire.readAck(ack.octets) == ack)
            let endpoint = dice.endpoint()
            let endpointRead = try EndpointRecord(endpoint.octets.span)
            #expect(endpointRead == endpoint)
            #expect(endpointRead.octets == endpoint.octets)
            let peer = dice.peer()
            let peerRead = try PeerRecord(peer.octets.span)
            #expect(peerRead == peer)
            #expect(peerRead.octets == peer.octets)
        }
    }

    @Test("a compound has exactly the octets that were counted, and as many rumours as were to fit")
    func counting() {
        var dice = TableDice(seed: 23)
        for _ in 0..<400 {
            let rumours = dice.rumours(12)
            let lengths = rumours.map(\.octets.count)
            #expect(TableMessage.rumours(rumours).octets.count == TableCompound.octets(lengths))
            let budget = dice.below(3000)
            let count = TableCompound.fitting(lengths, octetsMax: budget)
            if count > 0 {
                let octets = TableMessage.rumours(Array(rumours[..<count])).octets
                #expect(octets.count <= budget)
            }
            if count < rumours.count {
                let octets = TableMessage.rumours(Array(rumours[...count])).octets
                #expect(octets.count > budget)
            }
        }
    }

    @Test("A10: what a rumour adds is two tags and two lengths, each as long as it has to be")
    func overhead() {
        for (octets, overhead) in [
            (0, 4), (102, 4), (125, 4), (126, 5), (127, 5), (128, 6), (236, 6), (16_379, 6),
            (16_380, 6), (16_381, 7), (16_383, 7), (16_384, 8),
        ] {
            #expect(TableCompound.overhead(octets) == overhead, "of \(octets) octets")
            #expect(TableCodec.wire.compoundOverhead(octets) == overhead)
        }
        #expect(TableCompound.octets([Int]()) == 2 && TableCompound.octets([102]) == 102)
        #expect(TableCompound.octets([102, 17]) == 3 + 1 + 106 + 21)
        #expect(TableCompound.octets([102, 18]) == 3 + 2 + 106 + 22)
        #expect(TableCompound.fitting([500, 600, 400], octetsMax: 499) == 0)
        #expect(TableCompound.fitting([500, 600, 400], octetsMax: 500) == 1)
        // A15.11: five endpoints of 236 octets to a datagram.
        #expect(TableCompound.fitting([Int](repeating: 236, count: 9), octetsMax: 1395) == 5)
    }

    @Test("a node of ours says what it can do and which run it is; another program does not")
    func meta() {
        var meta = NodeMeta(name: Array("n1".utf8), id: Array(0..<16), boot: 7)
        meta.capabilities = [.ackDigest, .deltaSync]
        #expect(TableCodec.wire.capabilities(meta.octets) == [.ackDigest, .deltaSync])
        let identity = NodeIdentity(id: Array(0..<16), boot: 7)
        #expect(TableCodec.wire.identity(meta.octets) == identity)
        let read = NodeMeta(meta.octets.span)
        #expect(read == meta)
        meta.capabilities = TableCapabilities(rawValue: 0x8000_0001)
        #expect(TableCodec.wire.capabilities(meta.octets).rawValue == 0x8000_0001)
        for other in [[], hex("00"), hex("475331")] {
            #expect(TableCodec.wire.capabilities(other) == [])
            #expect(TableCodec.wire.identity(other) == nil)
        }
    }
}
