import Base

// What members ask, and what this node answers: gossip-wire.md §18.6, §18.7.

extension SerfRing {
    /// Queries of serf's own begin so.
    private static let conflictQuery = Array("_serf_conflict".utf8)
    private static let listKeysQuery = Array("_serf_list-keys".utf8)
    private static let installKeyQuery = Array("_serf_install-key".utf8)
    private static let useKeyQuery = Array("_serf_use-key".utf8)
    private static let removeKeyQuery = Array("_serf_remove-key".utf8)
    /// The type octet of an answer, the one kind of message that is relayed.
    private static let answerType: UInt8 = 5
    /// A query's relays, at the most.
    private static let relaysMax = 8

    /// Takes a query; whether it is to be passed on.
    mutating func hear(_ query: SerfQuery, at now: Moment) -> Bool {
        guard admits(query.time) else { return false }
        queryClock.witness(query.time)
        switch queries.admit(query.id, at: query.time, now: queryClock.time) {
        case .new: break
        case .repeated:
            counts.repeatedQueries += 1
            return false
        case .old:
            counts.oldQueries += 1
            return false
        case .full:
            counts.droppedQueries += 1
            return false
        }
        guard isMeant(by: query) else {
            counts.filteredQueries += 1
            return !query.isQuiet
        }
        if query.wantsAck, answer(query, isAck: true, at: now) { counts.acks += 1 }
        switch query.name {
        case Self.conflictQuery: vote(query, at: now)
        case Self.listKeysQuery: askKeys(.list, query)
        case Self.installKeyQuery: askKey(query) { .install($0) }
        case Self.useKeyQuery: askKey(query) { .use($0) }
        case Self.removeKeyQuery: askKey(query) { .remove($0) }
        default: break
        }
        return !query.isQuiet
    }

    /// Whether every filter lets this node through; one that nobody here can read does not.
    private mutating func isMeant(by query: SerfQuery) -> Bool {
        var tags: SerfTags?
        for octets in query.filters {
            switch codec.filter(octets) {
            case nil:
                counts.unreadableFilters += 1
                return false
            case .nodes(let nodes)?:
                guard nodes.contains(own) else { return false }
            case .tag(let tag, let text)?:
                guard let expression = SerfExpression(text) else {
                    counts.unreadableFilters += 1
                    return false
                }
                if tags == nil { tags = codec.tags(members[own]?.word.meta ?? []) ?? SerfTags() }
                let value = tags?.tags.first { $0.name == tag }?.value ?? []
                guard expression.matches(value) else { return false }
            }
        }
        return true
    }

    // MARK: Names

    /// Says who has the disputed name, as this node sees it.
    ///
    /// The asker counts those that have it at its own address, and shuts down when they are not the most:
    /// silence counts against it. Source: gossip-wire.md §17.1, §18.7.
    private mutating func vote(_ query: SerfQuery, at now: Moment) {
        let node = NodeName(octets: query.payload)
        // The node itself is a party to it.
        guard node != own else { return }
        let member = members[node].flatMap { member -> SerfMember? in
            guard member.word.versions.isWhole else { return nil }
            return SerfMember(
                node: node,
                address: member.word.address,
                port: member.word.port,
                tags: codec.tags(member.word.meta) ?? SerfTags(),
                status: member.status,
                versions: member.word.versions
            )
        }
        let payload = codec.conflictAnswer(member)
        if answer(query, payload: payload, at: now) { counts.conflictVotes += 1 }
    }

    // MARK: Keys

    private mutating func askKey(_ query: SerfQuery, _ request: ([UInt8]) -> SerfKeyRequest) {
        guard let key = codec.keyRequest(query.payload) else {
            counts.impossibleAnswers += 1
            return
        }
        askKeys(request(key), query)
    }

    private mutating func askKeys(_ request: SerfKeyRequest, _ query: SerfQuery) {
        guard keyQuestions.count < rules.keyQuestionsMax else {
            counts.droppedAnswers += 1
            return
        }
        counts.keyQuestions += 1
        let question = KeyQuestion(number: nextKeyQuestion)
        nextKeyQuestion += 1
        keyQuestions.append((question, query))
        outputs.append(.keys(request, question))
    }

    mutating func answer(_ question: KeyQuestion, _ outcome: SerfKeyOutcome, at now: Moment) {
        guard let index = keyQuestions.firstIndex(where: { $0.question == question }) else {
            return
        }
        let query = keyQuestions.remove(at: index).query
        var answer = SerfKeyAnswer(isSuccess: true, message: [], keys: [], primaryKey: [])
        switch outcome {
        case .done: break
        case .failed(let failure):
            answer.isSuccess = false
            answer.message = Array(failure.text.utf8)
        case .keys(let keys):
            answer.keys = keys.map { Base64.text(of: $0) }
            answer.primaryKey = answer.keys.first ?? []
            shorten(&answer, to: query)
        }
        if self.answer(query, payload: codec.keyAnswer(answer), at: now) { counts.keyAnswers += 1 }
    }

    /// Leaves out keys until the answer is as long as an answer may be, and says so.
    private func shorten(_ answer: inout SerfKeyAnswer, to query: SerfQuery) {
        let all = answer.keys.count
        while !answer.keys.isEmpty,
            octets(query, payload: codec.keyAnswer(answer)).count > rules.answerOctetsMax
        {
            answer.keys.removeLast()
            answer.message = Array("the first \(answer.keys.count) of \(all) keys".utf8)
        }
    }

    // MARK: Answering

    private func octets(_ query: SerfQuery, payload: [UInt8], isAck: Bool = false) -> [UInt8] {
        let response = SerfQueryResponse(
            time: query.time,
            id: query.id,
            from: own,
            isAck: isAck,
            payload: payload
        )
        return codec.message(.queryResponse(response))
    }

    /// Sends an answer where the query says, and through as many others as it says.
    private mutating func answer(
        _ query: SerfQuery,
        payload: [UInt8] = [],
        isAck: Bool = false,
        at now: Moment
    ) -> Bool {
        let octets = octets(query, payload: payload, isAck: isAck)
        guard octets.count <= rules.answerOctetsMax, query.port != 0,
            let address = query.address.address
        else {
            counts.impossibleAnswers += 1
            return false
        }
        let asker = PeerAddress(address, port: query.port)
        guard send(octets, to: asker, at: now) else { return false }
        let relay = SerfRelay(
            address: query.address,
            port: query.port,
            node: query.asker,
            inner: octets
        )
        let relayed = codec.message(.relay(relay))
        for peer in relays(min(Int(query.relayFactor), Self.relaysMax), not: query.asker) {
            _ = send(relayed, to: peer, at: now)
        }
        return true
    }

    /// Members that may pass on an answer, chosen by chance.
    private mutating func relays(_ count: Int, not asker: NodeName) -> [PeerAddress] {
        if count == 0 { return [] }
        var able: [PeerAddress] = []
        for name in names where name != own && name != asker {
            guard let member = members[name], member.status == .alive,
                let address = member.word.address.address
            else { continue }
            able.append(PeerAddress(address, port: member.word.port))
        }
        able.shuffle(using: &dice)
        return Array(able.prefix(count))
    }

    /// At most so many in a second: whoever asks in another's name has us answer that one.
    private mutating func send(_ octets: [UInt8], to peer: PeerAddress, at now: Moment) -> Bool {
        if now.milliseconds(since: answersSince) >= 1000 {
            answersSince = now
            answersLeft = rules.answersMax
        }
        guard answersLeft > 0 else {
            counts.droppedAnswers += 1
            return false
        }
        answersLeft -= 1
        outputs.append(.send(octets, to: peer))
        return true
    }

    /// Passes an answer on to a member; serf relays nothing else, and to nobody else.
    mutating func pass(_ relay: SerfRelay, at now: Moment) {
        guard relay.inner.first == Self.answerType, relay.inner.count <= rules.broadcastOctetsMax,
            let address = relay.address.address, hasMember(at: address, relay.port)
        else {
            counts.refusedRelays += 1
            return
        }
        if send(relay.inner, to: PeerAddress(address, port: relay.port), at: now) {
            counts.relays += 1
        }
    }

    private func hasMember(at address: IPAddress, _ port: UInt16) -> Bool {
        names.contains { name in
            guard let member = members[name] else { return false }
            return member.word.port == port && member.word.address.address == address
        }
    }
}
