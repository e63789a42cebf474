import HTTPAPI
import Testing

@Suite("Strict JSON")
struct StrictJSONTests {
    @Test(
        "a document survives reading and writing",
        arguments: [
            "null", "true", "false", "0", "-1", "18446744073709551616", "1.50e-7", "\"\"",
            "\"a\\\"b\\\\c\\n\\t\\u0001\"", "[]", "[1,[2,[]],{}]", "{\"b\":1,\"a\":{\"c\":[null]}}",
            "\"äöü 蜂\"",
        ]
    )
    func roundTrip(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(value.description == text)
        #expect(try JSONValue(parsing: value.octets) == value)
    }

    @Test(
        "escapes are read",
        arguments: [
            (#""\u0041\/\b\f\r""#, "A/\u{8}\u{c}\r"), (#""\ud83d\udc1d""#, "🐝"),
            (#""x\u00e4y""#, "xäy"),
        ]
    )
    func escapes(text: String, wanted: String) throws {
        #expect(try JSONValue(parsing: text) == .string(wanted))
    }

    @Test(
        "what is no document is refused with its place",
        arguments: [
            ("", "line 1, column 1: the document ends too early"),
            ("{\"a\":1,}", "line 1, column 8: found '}', wanted a key in quotes"),
            ("{\"a\":1\n,\"a\":2}", "line 2, column 2: the key \"a\" stands twice in one object"),
            ("[1 2]", "line 1, column 4: found '2', wanted ',' or ']'"),
            ("[1,]", "line 1, column 4: found ']', wanted a value"),
            ("{\"a\" 1}", "line 1, column 6: found '1', wanted ':'"),
            ("{a:1}", "line 1, column 2: found 'a', wanted a key in quotes"),
            ("1 x", "line 1, column 3: found 'x', wanted the end of the document"),
            ("nul", "line 1, column 4: the document ends too early"),
            ("nulL", "line 1, column 1: found 'n', wanted a value"),
            ("01", "line 1, column 1: this is no JSON number"),
            ("-", "line 1, column 1: this is no JSON number"),
            ("1.", "line 1, column 1: this is no JSON number"),
            ("1e+", "line 1, column 1: this is no JSON number"),
            ("\"\\x\"", "line 1, column 2: a backslash starts no JSON escape"),
            ("\"\\ud83d\"", "line 1, column 2: a backslash starts no JSON escape"),
            ("\"\\udc1d\\ud83d\"", "line 1, column 2: a backslash starts no JSON escape"),
            ("\"\\u00g0\"", "line 1, column 2: a backslash starts no JSON escape"),
            (
                "\"a\u{1}\"",
                "line 1, column 3: control character octet 0x01 in a text; write it"
                    + " as an escape"
            ),
            ("\u{feff}1", "line 1, column 1: found octet 0xef, wanted a value"),
            ("// x\n1", "line 1, column 1: found '/', wanted a value"),
        ]
    )
    func refused(text: String, message: String) {
        #expect { try JSONValue(parsing: text) } throws: { "\($0)" == message }
    }

    @Test("text that is not UTF-8 is refused")
    func notUTF8() {
        #expect { try JSONValue(parsing: [0x22, 0xc3, 0x28, 0x22]) } throws: {
            ($0 as? JSONError)?.reason == .badUTF8
        }
    }

    @Test("size, depth and count are bounded")
    func limits() throws {
        let limits = JSONLimits(octetsMax: 40, depthMax: 3, valueCountMax: 5)
        _ = try JSONValue(parsing: "[[[]]]", limits: limits)
        let cases: [(String, JSONError.Reason)] = [
            ("[[[[]]]]", .tooDeep(limit: 3)),
            ("[1,2,3,4,5]", .tooManyValues(limit: 5)),
            ("\"" + String(repeating: "x", count: 40) + "\"", .tooLarge(octets: 42, limit: 40)),
        ]
        for (text, reason) in cases {
            #expect { try JSONValue(parsing: text, limits: limits) } throws: {
                ($0 as? JSONError)?.reason == reason
            }
        }
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
    }

    @Test("a duplicate key is found in large objects too")
    func manyMembers() {
        let members = (0..<100).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect((try? JSONValue(parsing: "{\(members)}")) != nil)
        #expect((try? JSONValue(parsing: "{\(members),\"k3\":0}")) == nil)
        #expect((try? JSONValue(parsing: "{\(members),\"k77\":0}")) == nil)
    }

    @Test("every prefix and every changed octet of a document ends in a value or an error")
    func mutations() {
        let octets = Array(#"{"a":[1,-2.5e3,"x\u00e4"],"b":{"c":null,"d":true}}"#.utf8)
        for length in 0..<octets.count {
            #expect((try? JSONValue(parsing: Array(octets[..<length]))) == nil)
        }
        for index in octets.indices {
            for octet in UInt8.min...UInt8.max {
                var changed = octets
                changed[index] = octet
                _ = try? JSONValue(parsing: changed)
            }
        }
    }

    @Test("members are set in place, appended and removed")
    func members() {
        var value: JSONValue = ["a": 1, "b": 2]
        value["a"] = "x"
        value["c"] = [nil, true]
        value["b"] = .none
        #expect(value.description == #"{"a":"x","c":[null,true]}"#)
    }

    @Test("decimals are rounded and padded")
    func decimals() {
        #expect(JSONNumber(1.0 / 3, decimals: 3).text == "0.333")
        #expect(JSONNumber(-0.05, decimals: 2).text == "-0.05")
        #expect(JSONNumber(12, decimals: 1).text == "12.0")
        #expect(JSONNumber(.nan, decimals: 1).text == "0")
    }
}

@Suite("Object reader")
struct ObjectReaderTests {
    private func reader(_ text: String) throws -> ObjectReader {
        try ObjectReader(JSONValue(parsing: text), path: "dns")
    }

    @Test("fields are read by type")
    func reading() throws {
        var reader = try reader(
            #"{"s":"x","n":5,"b":true,"one":"a","many":["a","b"],"o":{"k":1},"z":null}"#
        )
        #expect(try reader.string("s") == "x")
        #expect(try reader.int("n", in: 0...5) == 5)
        #expect(try reader.bool("b") == true)
        #expect(try reader.strings("one") == ["a"])
        #expect(try reader.strings("list", plural: "many") == ["a", "b"])
        var inner = try #require(try reader.object("o"))
        #expect(inner.path == "dns.o")
        #expect(try inner.int("k", in: 1...1) == 1)
        try inner.finish()
        let isNull = reader.isNull("z")
        #expect(isNull)
        #expect(try reader.string("absent") == nil)
        try reader.finish()
    }

    @Test("a wrong value is named with its path, what was found and what is allowed")
    func wrong() throws {
        var reader = try reader(#"{"n":"x","big":70000,"s":1,"b":"yes","l":["a",1],"z":null}"#)
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return "nothing thrown"
        }
        #expect(
            message { _ = try reader.int("n", in: 0...9) }
                == #"dns.n: found "x"; allowed is a whole number from 0 to 9"#
        )
        #expect(
            message { _ = try reader.int("big", in: 0...65535) }
                == "dns.big: found 70000; allowed is a whole number from 0 to 65535"
        )
        #expect(message { _ = try reader.string("s") } == "dns.s: found 1; allowed is a text")
        #expect(
            message { _ = try reader.bool("b") } == #"dns.b: found "yes"; allowed is true or false"#
        )
        #expect(message { _ = try reader.strings("l") } == "dns.l[1]: found 1; allowed is a text")
        #expect(message { _ = try reader.string("z") } == "dns.z: found null; allowed is a text")
        #expect(
            message { _ = try reader.choice("n", of: ["a", "b"]) }
                == #"dns.n: found "x"; allowed is one of a, b"#
        )
        #expect(
            message { _ = try ObjectReader("x") }
                == #"the document: found "x"; allowed is an object"#
        )
    }

    @Test("an error is one line, whatever the keys of a document are")
    func oneLine() throws {
        let key = #""a\nb\u001b\u007f""#
        let twice = "{\(key):1,\(key):2}"
        #expect {
            try JSONValue(parsing: twice)
        } throws: {
            "\($0)" == #"line 1, column 23: the key "a\nb\u001b\u007f" stands twice in one object"#
        }
        let reader = try reader("{\(key):1}")
        #expect {
            try reader.finish()
        } throws: {
            "\($0)" == #"dns.a\nb\u001b\u007f: unknown key; no key is allowed here"#
        }
    }

    @Test("a key that nobody asked for is refused with the allowed ones")
    func unknown() throws {
        var reader = try reader(#"{"profil":"docker"}"#)
        _ = try reader.string("profile")
        _ = try reader.strings("upstream", plural: "upstreams")
        #expect { try reader.finish() } throws: {
            "\($0)"
                == "dns.profil: unknown key; allowed are profile, upstreams, upstream"
        }
    }
}
