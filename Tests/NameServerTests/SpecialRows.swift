import Base

/// Rows of special-use names: dns.md §1.5; and of questions that need an upstream where there is
/// none.
extension Rows {
    static let special: [Row] = [
        Row("X1 localhost", Query("localhost", .a), .data(["127.0.0.1"])),
        Row("X1 below localhost", Query("a.b.localhost", .aaaa), .data(["::1"])),
        Row("X1 localhost MX", Query("localhost", .mx), .noData),
        Row("X2 PTR of loopback", Query("1.0.0.127.in-addr.arpa", .ptr), .data(["localhost."])),
        Row("X3 TEST-NET", Query("1.2.0.192.in-addr.arpa", .ptr), .nxDomain),
        Row("X4 invalid", Query("a.invalid", .a), .nxDomain),
        Row("X4 test", Query("a.test", .a), .nxDomain),
        Row("X5 local", Query("printer.local", .a), .nxDomain),
        Row("X6 onion", Query("x.onion", .a), .nxDomain),
        Row("X6 alt", Query("x.alt", .a), .nxDomain),
        Row("X7 home.arpa", Query("x.home.arpa", .a), .nxDomain),
        Row("X8 resolver.arpa", Query("_dns.resolver.arpa", .svcb), .noData),
        Row("X11 internal", Query("x.internal", .a), .nxDomain),
        Row(
            "F7 RD=0 elsewhere",
            Query("www.example.net", .a).with(flags: 0).edns(),
            .error(5, extended: 20)
        ),
        Row("no upstream", Query("www.example.net", .a).edns(), .error(2, extended: 22)),
        Row("X1 localhost ANY", Query("localhost", .any), .noData),
        Row(
            "X2 PTR of ::1",
            Query("1." + String(repeating: "0.", count: 31) + "ip6.arpa", .ptr),
            .data(["localhost."])
        ),
        Row("X3 this network", Query("1.0.0.0.in-addr.arpa", .ptr), .nxDomain),
        Row("X3 the rest of loopback", Query("9.0.0.127.in-addr.arpa", .ptr), .nxDomain),
        Row("X3 broadcast", Query("255.255.255.255.in-addr.arpa", .ptr), .noData),
        Row("X3 link-local", Query("8.e.f.ip6.arpa", .ptr), .noData),
        Row("X4 invalid itself", Query("invalid", .a), .nxDomain),
        Row("X5 local in capitals", Query("PRINTER.LOCAL", .aaaa), .nxDomain),
        Row("X7 home.arpa itself", Query("home.arpa", .soa), .noData),
        Row("P6 PTR in another private block", Query("1.1.168.192.in-addr.arpa", .ptr), .nxDomain),
    ]
}
