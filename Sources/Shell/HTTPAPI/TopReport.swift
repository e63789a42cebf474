/// The answer of `GET top`: who asks most for what, and how the upstreams do; counts since the
/// start.
package struct TopReport: Sendable, Hashable {
    package struct Name: Sendable, Hashable {
        package var name: String
        /// Estimated from the sample.
        package var questions: UInt64
        /// How much too high that can be.
        package var excess: UInt64

        package init(name: String, questions: UInt64, excess: UInt64) {
            self.name = name
            self.questions = questions
            self.excess = excess
        }
    }

    package struct Sandbox: Sendable, Hashable {
        package var name: String
        package var questions: UInt64 = 0
        package var local: UInt64 = 0
        package var cached: UInt64 = 0
        package var forwarded: UInt64 = 0
        package var nxDomain: UInt64 = 0
        package var servFail: UInt64 = 0
        package var refused: UInt64 = 0

        package init(name: String) { self.name = name }
    }

    package struct Upstream: Sendable, Hashable {
        package var address: String
        /// The sandbox from whose namespace it is asked; nil: the daemon's own.
        package var sandbox: String?
        package var isDown = false
        package var questions: UInt64 = 0
        package var replies: UInt64 = 0
        package var failures: UInt64 = 0
        /// Smoothed; 0 before the first reply.
        package var roundTripMicroseconds: UInt64 = 0

        package init(address: String, sandbox: String?) {
            self.address = address
            self.sandbox = sandbox
        }
    }

    /// On a steady clock: what rates are made from.
    package var atMicroseconds: UInt64
    package var uptimeSeconds: Int
    /// One question in so many is counted by its name; 0: none.
    package var nameSample: Int
    package var questions: UInt64
    package var dropped: UInt64
    /// The busiest first.
    package var names: [Name] = []
    package var sandboxes: [Sandbox] = []
    package var upstreams: [Upstream] = []

    package init(
        atMicroseconds: UInt64,
        uptimeSeconds: Int,
        nameSample: Int,
        questions: UInt64,
        dropped: UInt64
    ) {
        self.atMicroseconds = atMicroseconds
        self.uptimeSeconds = uptimeSeconds
        self.nameSample = nameSample
        self.questions = questions
        self.dropped = dropped
    }

    package var json: JSONValue {
        [
            "atMicroseconds": .integer(atMicroseconds), "uptimeSeconds": .integer(uptimeSeconds),
            "nameSample": .integer(nameSample), "questions": .integer(questions),
            "dropped": .integer(dropped), "names": .array(names.map { $0.json }),
            "sandboxes": .array(sandboxes.map { $0.json }),
            "upstreams": .array(upstreams.map { $0.json }),
        ]
    }
}

extension TopReport.Name {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "questions": .integer(questions), "excess": .integer(excess),
        ]
    }
}

extension TopReport.Sandbox {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "questions": .integer(questions), "local": .integer(local),
            "cached": .integer(cached), "forwarded": .integer(forwarded),
            "nxDomain": .integer(nxDomain), "servFail": .integer(servFail),
            "refused": .integer(refused),
        ]
    }
}

extension TopReport.Upstream {
    fileprivate var json: JSONValue {
        [
            "address": .string(address), "sandbox": .optional(sandbox),
            "state": .string(isDown ? "down" : "up"), "questions": .integer(questions),
            "replies": .integer(replies), "failures": .integer(failures),
            "roundTripMicroseconds": .integer(roundTripMicroseconds),
        ]
    }
}
