package import Base

/// A container's hosts file with its own name in it.
///
/// A container resolves its own name by this file, never by the resolver. What stands there stays;
/// a new file, or one that does not know `localhost`, gets the usual lines first.
/// Source: networkdb-dns.md C9.
package enum HostsFile {
    /// The new file.
    ///
    /// `original`: the old one; nil for one that is not there yet. `hostname` is written once for
    /// each address, with its first label behind it where it has several.
    package static func text(
        _ original: String?,
        hostname: String?,
        addresses: [IPAddress]
    ) -> String {
        let old = original ?? ""
        let entries = old.split(whereSeparator: \.isNewline).map { line in
            line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
        }
        var text = ""
        if !entries.contains(where: { $0.dropFirst().contains("localhost") }) { text += usual }
        text += old
        if !text.isEmpty, text.last?.isNewline != true { text += "\n" }
        guard let hostname, !hostname.isEmpty else { return text }
        let short = hostname.split(separator: ".").first.map { String($0) } ?? hostname
        for address in addresses {
            let isThere = entries.contains { words in
                words.first.flatMap { IPAddress($0) } == address
                    && words.dropFirst().contains { $0 == hostname }
            }
            if isThere { continue }
            text += "\(address)\t\(hostname)" + (short == hostname ? "\n" : " \(short)\n")
        }
        return text
    }

    private static let usual = """
        127.0.0.1\tlocalhost
        ::1\tlocalhost ip6-localhost ip6-loopback
        fe00::\tip6-localnet
        ff00::\tip6-mcastprefix
        ff02::1\tip6-allnodes
        ff02::2\tip6-allrouters

        """
}
