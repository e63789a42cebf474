import Base
import DNSWire
import LinuxSystem
import Names

/// TCP clients: taken, answered a few questions a turn, closed.
extension Worker {
    /// Takes connections that wait at a listener, a few a turn.
    mutating func acceptStreams(_ socket: SandboxSocket) {
        let now = Clock.now()
        do throws(SystemError) {
            for _ in 0..<StreamLimits.acceptedPerTurnMax {
                guard let accepted = try Sockets.accept(socket.descriptor.raw) else { return }
                // The kernel gives out the lowest free number: above the limit one has to go.
                let client = StreamTable.Client(slot: socket.slot, address: accepted.peer.address)
                if accepted.number > descriptorMax, !streams.evict(for: client, poller) {
                    counters.add(.streamsRefused)
                    continue
                }
                streams.add(accepted, slot: socket.slot, poller, at: now)
            }
        } catch {
            if error.isOutOfDescriptors { acceptWithSpare(socket, at: now) }
        }
    }

    /// Takes the connection that waits, if one does, in the place of an idle one or only to refuse
    /// it: left waiting, it would wake this thread for ever.
    private mutating func acceptWithSpare(_ socket: SandboxSocket, at now: Moment) {
        spare = nil
        if let accepted = try? Sockets.accept(socket.descriptor.raw) {
            let client = StreamTable.Client(slot: socket.slot, address: accepted.peer.address)
            if streams.evict(for: client, poller) {
                streams.add(accepted, slot: socket.slot, poller, at: now)
            } else {
                counters.add(.streamsRefused)
            }
        }
        spare = try? Descriptor.spare()
    }

    /// Goes on with the connections that have more questions here than they had turns.
    mutating func resumeStreams() {
        if !streams.hasQueued { return }
        let now = Clock.now()
        for token in streams.takeQueued() { resume(token, at: now) }
    }

    mutating func serveStream(_ token: UInt64, _ ready: Poller.Interest) {
        let now = Clock.now()
        guard let stream = streams[token] else { return }
        do throws(StreamConnection.Fault) {
            if !ready.isDisjoint(with: [.read, .failed]) {
                try stream.read(into: &streams.scratch, at: now)
            }
            if ready.contains(.write) { try stream.flush(at: now) }
        } catch {
            streams.fail(token, poller)
            return
        }
        resume(token, at: now)
    }

    /// Answers questions that wait in a connection's inbox, as many as are its share of a turn.
    private mutating func resume(_ token: UInt64, at now: Moment) {
        guard let stream = streams[token] else { return }
        do throws(StreamConnection.Fault) {
            try answer(stream, token, at: now)
            try stream.flush(at: now)
        } catch {
            // What was asked before the fault has been answered.
            try? stream.flush(at: now)
            streams.fail(token, poller)
            return
        }
        stream.compact()
        streams.settle(token, poller)
    }

    private mutating func answer(
        _ stream: StreamConnection,
        _ token: UInt64,
        at now: Moment
    ) throws(StreamConnection.Fault) {
        for _ in 0..<StreamLimits.messagesPerTurnMax {
            guard let message = try stream.nextMessage(at: now) else { return }
            counters.add(.streamQueries)
            let tally = BatchTally(counters)
            let snapshot = board.read(reader: index)
            var question: ForwardQuestion?
            var reply: [UInt8] = []
            if let snapshot, let published = snapshot.view(at: stream.slot) {
                reply = [UInt8](capacity: MessageSize.streamMax) { out in
                    question = respond(
                        to: message.span,
                        on: stream,
                        published,
                        snapshot.tables,
                        into: &out
                    )
                }
            }
            tally.close(
                counters,
                slot: stream.slot,
                questions: 1,
                forwarded: question == nil ? 0 : 1
            )
            _ = consume snapshot
            board.done(reader: index)
            if !reply.isEmpty { stream.queue(reply, at: now) }
            if let question {
                stream.forwarded += 1
                desk.ask(question, for: .stream(token: token), slot: stream.slot, at: now)
                deliver(desk.settle(poller, at: now), at: now)
            }
        }
    }

    /// Writes the reply to one message; returns the question when it has to be forwarded.
    private mutating func respond(
        to message: Span<UInt8>,
        on stream: StreamConnection,
        _ published: PublishedView,
        _ tables: NameTables,
        into out: inout OutputSpan<UInt8>
    ) -> ForwardQuestion? {
        var question: ForwardQuestion?
        _ = responder.respond(
            to: message,
            from: stream.peer,
            over: .stream,
            as: published,
            in: tables,
            into: &out
        ) { query, key, group, out in
            if desk.answerKept(key, query, over: .stream, in: published, group, into: &out) {
                return .kept
            }
            question = ForwardQuestion(
                query,
                over: .stream,
                group: group,
                profile: published.view.profile
            )
            return .forwarded
        }
        if question != nil, responder.watch.takeMark() {
            question?.logged = .init(
                sandbox: published.view.sandbox,
                client: stream.peer,
                isStream: true
            )
        }
        return question
    }
}
