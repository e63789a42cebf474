import Base
import Gossip
import GossipNode
import GossipWire
import HTTPAPI
import LinuxSystem

/// What the API asks of the ring.
extension RingPlane {
    func answer(_ route: RingRoute, index: UInt64) async -> APIResponse {
        do {
            return try await carryOut(route, index: index)
        } catch let error as GossipNodeError {
            return Self.response(error)
        } catch let error as SystemError {
            let advice = "free space there and try again; nothing was changed"
            return .failure(503, "state directory: \(error); \(advice)")
        } catch {
            return .failure(503, "\(error); see the daemon's log")
        }
    }

    private func carryOut(_ route: RingRoute, index: UInt64) async throws -> APIResponse {
        switch route {
        case .members:
            let listings = try await members().map { listing($0) }.sorted(by: Self.precedes)
            return .json(.array(listings.map { $0.json }), index: index)
        case .forget(let name): return try await forget(name)
        case .join(let addresses):
            if addresses == [endpoint] {
                return .failure(400, "\(endpoint) is this node; name another one of the ring")
            }
            let joined: SocketEndpoint
            switch await join(addresses) {
            case .joined(let address): joined = address
            case .silent:
                let list = addresses.map { "\($0)" }.joined(separator: ", ")
                return .failure(
                    503,
                    "no answer from \(list); they are asked again until one answers, so see that a "
                        + "node runs there, with the same keys, and that 7946 passes over TCP and UDP"
                )
            case .refused:
                return .failure(
                    409,
                    "this node looks for \(Membership.seedsMax) addresses already and takes no more; "
                        + "leave, or start the daemon again, to forget them"
                )
            }
            let count = try await members().filter { $0.state == .alive }.count
            return .json(
                ["joined": .string("\(joined)"), "members": .integer(count)],
                index: index
            )
        case .leave:
            try await leave()
            return .done
        case .audit: return .failure(503, "the control thread answers that")
        case .keys:
            let keys = try await GossipNode.answer { self.node.keys(nil, $0) }
            return .json(.array(keys.map { KeyListing($0).json }), index: index)
        case .addKey(let text):
            guard let key = try? RingKey(base64: text) else {
                return .failure(
                    400,
                    "key: found a text of \(text.count) characters; allowed is base64 of 16, 24 or "
                        + "32 octets"
                )
            }
            let added = try await keys.add(key)
            return .json(added.json, status: 201, index: index)
        case .useKey(let fingerprint):
            try await keys.use(fingerprint)
            return .done
        case .removeKey(let fingerprint):
            try await keys.remove(fingerprint)
            return .done
        }
    }

    private static func response(_ error: GossipNodeError) -> APIResponse {
        switch error {
        case .busy: .failure(503, "the gossip plane has too much to do; try again")
        case .stopped: .failure(503, "the daemon is stopping; try again when it is back")
        case .unknownMember(let name):
            .failure(404, "no member \(name); see 'waggle members'")
        case .keys(.primary):
            .failure(409, "this key encrypts; use another one first: waggle keys use FINGERPRINT")
        case .keys(.duplicate): .failure(409, "this key is there already")
        case .keys(.unknown): .failure(404, "no such key; see 'waggle keys ls'")
        case .keys(.full(let limit)):
            .failure(409, "there are \(limit) keys; remove one that no node uses")
        case .keys(.length): .failure(400, "key: allowed is base64 of 16, 24 or 32 octets")
        }
    }

    // MARK: Members

    private func members() async throws -> [MemberReport] {
        try await GossipNode.answer { self.node.members($0) }
    }

    /// The node itself first, then by name, of one name the latest run.
    private static func precedes(_ left: MemberListing, _ right: MemberListing) -> Bool {
        if left.isSelf != right.isSelf { return left.isSelf }
        if left.name != right.name { return left.name < right.name }
        return left.incarnation > right.incarnation
    }

    private func forget(_ text: String) async throws -> APIResponse {
        let members = try await members()
        let named = members.filter { "\($0.name)" == text || listing($0).name == text }
        // A name of several runs means those that are gone.
        let gone = named.filter { $0.state == .dead || $0.state == .left }
        if named.isEmpty { return .failure(404, "no member \(text); see 'waggle members'") }
        if gone.isEmpty {
            return .failure(409, "\(text) is there; only what is dead or left can be forgotten")
        }
        for member in gone { try await GossipNode.answer { self.node.forget(member.name, $0) } }
        return .done
    }

    private func listing(_ member: MemberReport) -> MemberListing {
        let known = NodeMeta(member.meta.span)
        var listing = MemberListing(
            name: known.map { String(decoding: $0.name, as: UTF8.self) } ?? "\(member.name)",
            id: "\(member.name)",
            address: member.address.map { "\($0)" },
            state: "\(member.state)",
            incarnation: member.incarnation.value,
            stateSeconds: Int(Clock.now().milliseconds(since: member.since) / 1000)
        )
        listing.status = member.status.map { "\($0)" }
        listing.isDrained = member.isDrained
        listing.isSelf = member.isOwn
        listing.meta = Hexadecimal.text(member.meta)
        if let known {
            listing.tags = [.init("id", Hexadecimal.text(known.id))]
            if !known.zone.isEmpty {
                listing.tags.append(.init("zone", String(decoding: known.zone, as: UTF8.self)))
            }
        } else if let tags = try? SerfTags(meta: member.meta.span) {
            listing.tags = tags.tags.map {
                .init(
                    String(decoding: $0.name, as: UTF8.self),
                    String(decoding: $0.value, as: UTF8.self)
                )
            }
        }
        listing.versions = member.versions.octets.octets.map { Int($0) }
        listing.roundTripMicroseconds = member.roundTrip.map { Int(clamping: $0) }
        return listing
    }
}
