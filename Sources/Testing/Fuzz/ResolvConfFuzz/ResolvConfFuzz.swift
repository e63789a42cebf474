import Base
import Daemon
import FuzzInput

/// One resolv.conf, which a container may have written: whatever it says, something is read.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzResolvConf(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    let file = ResolvConf(String(decoding: octets, as: UTF8.self))
    let servers = file.nameServers
    invariant(Set(servers).count == servers.count, "each once: \(servers)")
    for server in servers {
        invariant(server.endpoint.port == 53, "\(server)")
        invariant(server.endpoint.address != ResolvConf.ownAddress, "a loop: \(server)")
        invariant(!server.endpoint.address.isUnspecified, "\(server)")
        invariant(server.scope != "", "\(server)")
    }
    invariant((0...ResolvConf.ndotsMax).contains(file.ndots ?? 0), "\(file)")
    invariant(Set(file.search).count == file.search.count, "each once: \(file.search)")

    // What was read and written again is read the same.
    var text = servers.map { server in
        "nameserver \(server.endpoint.address)\(server.scope.map { "%" + $0 } ?? "")\n"
    }.joined()
    // A mark of comment inside a name can be read, but not written.
    let search = file.search.map(\.description)
    if !search.isEmpty, !search.contains(where: { $0.contains { "#;".contains($0) } }) {
        text += "search \(search.joined(separator: " "))\n"
    }
    let again = ResolvConf(text)
    invariant(again.nameServers == servers, "\(servers) from \(text)")
    invariant(again.search.isEmpty || again.search == file.search, "\(file.search) from \(text)")
    return 0
}
