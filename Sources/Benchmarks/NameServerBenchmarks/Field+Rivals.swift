import Foundation

/// Name servers by other hands: one thread each, no log, the same names, in the field's folder.
extension Field {
    private static let zoneText =
        """
        $ORIGIN bench.
        $TTL 5
        @ SOA ns hostmaster 1 60 30 3600 5
        @ NS ns
        ns A 127.0.0.1
        one A \(oneAddress)

        """ + threeAddresses.map { "web A \($0)\n" }.joined()

    /// Those that are installed; the others are named in a line.
    func startRivals() throws -> [Peer] {
        let rivals: [(String, (String) throws -> Peer?)] = [
            ("knotd", startKnot), ("nsd", startNSD), ("dnsmasq", startDnsmasq),
            ("unbound", startUnbound),
        ]
        return try rivals.compactMap { name, start in
            guard let program = Peer.path(of: name) else {
                print("\(name) is not here: left out (`make bench` as root installs it)")
                return nil
            }
            let peer = try start(program)
            if peer == nil { print("\(name) does not answer: left out") }
            return peer
        }
    }

    private func startKnot(_ program: String) throws -> Peer? {
        let place = Peer.Place(port: takePort())
        let zone = try write("knot.zone", Self.zoneText)
        let configuration = try write(
            "knot.conf",
            """
            server:
              rundir: "\(folder.path)"
              listen: 127.0.0.1@\(place.port)
              udp-workers: 1
              tcp-workers: 1
              background-workers: 1
            database:
              storage: "\(folder.path)"
            zone:
              - domain: bench
                file: "\(zone)"
            """
        )
        return try start("knotd", [program, "-c", configuration], place)
    }

    private func startNSD(_ program: String) throws -> Peer? {
        let place = Peer.Place(port: takePort())
        let zone = try write("nsd.zone", Self.zoneText)
        let configuration = try write(
            "nsd.conf",
            """
            server:
              ip-address: 127.0.0.1@\(place.port)
              server-count: 1
              username: ""
              chroot: ""
              database: ""
              zonesdir: "\(folder.path)"
              pidfile: "\(folder.path)/nsd.pid"
              xfrdfile: "\(folder.path)/nsd.xfrd"
              xfrdir: "\(folder.path)"
              zonelistfile: "\(folder.path)/nsd.zones"
              logfile: "/dev/null"
              verbosity: 0
              minimal-responses: yes
              rrl-ratelimit: 0
              rrl-whitelist-ratelimit: 0
            remote-control:
              control-enable: no
            zone:
              name: bench
              zonefile: "\(zone)"
            """
        )
        return try start("nsd", [program, "-d", "-c", configuration], place)
    }

    private func startDnsmasq(_ program: String) throws -> Peer? {
        let place = Peer.Place(port: takePort())
        let lines = ["\(Self.oneAddress) one.bench"] + Self.threeAddresses.map { "\($0) web.bench" }
        let hosts = try write("dnsmasq.hosts", lines.joined(separator: "\n") + "\n")
        // It closes all descriptors that it is given, by one of which Foundation knows that a process
        // has not ended; the shell keeps that open.
        let script = "trap 'kill $child; wait; exit' TERM; \"$@\" & child=$!; wait"
        return try start(
            "dnsmasq",
            [
                "/bin/sh", "-c", script, "sh", program, "--keep-in-foreground",
                "--conf-file=/dev/null", "--no-hosts",
                "--addn-hosts=\(hosts)", "--no-resolv", "--port=\(place.port)",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--local-ttl=5", "--user=root",
                "--pid-file=\(folder.path)/dnsmasq.pid", "--log-facility=/dev/null",
            ],
            place
        )
    }

    private func startUnbound(_ program: String) throws -> Peer? {
        let place = Peer.Place(port: takePort())
        let records =
            ["one.bench. 5 IN A \(Self.oneAddress)"]
            + Self.threeAddresses.map { "web.bench. 5 IN A \($0)" }
        let configuration = try write(
            "unbound.conf",
            """
            server:
              interface: 127.0.0.1@\(place.port)
              num-threads: 1
              do-daemonize: no
              chroot: ""
              username: ""
              directory: "\(folder.path)"
              pidfile: "\(folder.path)/unbound.pid"
              logfile: "/dev/null"
              use-syslog: no
              verbosity: 0
              module-config: "iterator"
              local-zone: "bench." static

            """ + records.map { "  local-data: \"\($0)\"\n" }.joined()
                + "remote-control:\n  control-enable: no\n"
        )
        return try start("unbound", [program, "-d", "-c", configuration], place)
    }
}
