import Daemon
import FuzzInput
import HTTPAPI

/// One JSON document, first as any document, then as the configuration file of a daemon.
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = unsafe input(start, count)
    checkDocument(octets)
    checkConfiguration(octets)
    return 0
}

private func checkDocument(_ octets: [UInt8]) {
    let value: JSONValue
    do throws(JSONError) {
        value = try JSONValue(parsing: octets)
    } catch {
        invariant(error.line >= 1 && error.column >= 1, "a place: \(error)")
        invariant(error.line + error.column <= octets.count + 2, "inside: \(error)")
        return
    }
    let written = value.octets
    guard let again = try? JSONValue(parsing: written) else {
        fatalError("what is written can be read: \(value)")
    }
    invariant(again == value && again.octets == written, "\(value)")
    invariant(written.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "no control octet: \(value)")
}

private func checkConfiguration(_ octets: [UInt8]) {
    let surroundings = Configuration.Surroundings(
        environment: [:],
        isRoot: true,
        hostName: "node-1"
    )
    let configuration: Configuration
    do throws(ConfigurationError) {
        configuration = try Configuration.load(
            file: "conf/waggle.json",
            flags: Configuration.Flags(),
            surroundings: surroundings,
            readFile: { _ in octets }
        )
    } catch {
        // It is printed on one line of a terminal.
        invariant(!error.description.utf8.contains { $0 < 0x20 }, "\(error)")
        return
    }
    invariant(configuration.stateDirectory.hasPrefix("/"), "\(configuration)")
    invariant((1...64).contains(configuration.dns.threads), "\(configuration)")
    invariant(configuration.dns.ttl.task <= 86_400, "\(configuration)")
    for sandbox in configuration.sandboxes {
        invariant((try? SandboxRequest(sandbox.json)) == sandbox, "\(sandbox)")
    }
    for endpoint in configuration.endpoints {
        invariant((try? EndpointRequest(endpoint.json)) == endpoint, "\(endpoint)")
    }
    for network in configuration.networks {
        invariant((try? NetworkAttach(network.json)) == network, "\(network)")
    }
}
