import Glibc

/// Small files read whole.
package enum TextFile {
    /// The file's octets.
    ///
    /// Throws EFBIG for one longer than `octetsMax`.
    package static func octets(path: String, octetsMax: Int) throws(SystemError) -> [UInt8] {
        let file = try Descriptor.open(path: path)
        return try self.octets(of: file.raw, named: path, octetsMax: octetsMax)
    }

    /// What comes on standard input until its end.
    ///
    /// Throws EFBIG for more than `octetsMax`.
    package static func standardInput(octetsMax: Int) throws(SystemError) -> [UInt8] {
        try octets(of: 0, named: "standard input", octetsMax: octetsMax)
    }

    private static func octets(
        of file: Int32,
        named path: String,
        octetsMax: Int
    ) throws(SystemError) -> [UInt8] {
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(file, buffer.baseAddress, buffer.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("read \(path)")
            }
            if count == 0 { return octets }
            octets += chunk[..<count]
            if octets.count > octetsMax { throw SystemError("read \(path)", code: EFBIG) }
        }
    }

    /// The file as text; octets that are no UTF-8 become replacement characters.
    package static func read(path: String, octetsMax: Int) throws(SystemError) -> String {
        String(decoding: try octets(path: path, octetsMax: octetsMax), as: UTF8.self)
    }
}
