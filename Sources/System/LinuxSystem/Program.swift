import CLinux
import Glibc

/// Runs a helper program in the calling thread's namespaces, with text on its standard input.
package enum Program {
    package struct Failure: Error, Hashable, Sendable {
        package let program: String
        /// Exit status, or -1 when it could not be started or was killed.
        package let status: Int32
        /// What it said on standard error, at most 2,000 octets.
        package let message: String
    }

    /// Throws: `Failure` unless the program exits with 0.
    package static func run(
        _ program: String,
        _ arguments: [String],
        input: String
    ) throws(Failure) {
        let inputPipe = try pipe(program)
        let errorPipe = try pipe(program)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, inputPipe.reader.raw, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, errorPipe.writer.raw, 2)
        let words = unsafe ([program] + arguments).map { unsafe strdup($0) }
        defer { unsafe words.forEach { unsafe free($0) } }
        var vector = unsafe words + [nil]
        var child = pid_t()
        let code = unsafe posix_spawnp(&child, program, &actions, nil, &vector, environ)
        guard code == 0 else {
            throw Failure(
                program: program,
                status: -1,
                message: SystemError("posix_spawnp", code: code).description
            )
        }
        _ = consume errorPipe.writer
        var rest = Array(input.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe write(inputPipe.writer.raw, $0.baseAddress, $0.count)
            }
            if count <= 0 { break }
            rest = rest.dropFirst(count)
        }
        _ = consume inputPipe.writer
        let message = text(errorPipe.reader.raw)
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        let exit = status & 0x7f == 0 ? (status >> 8) & 0xff : -1
        if exit != 0 { throw Failure(program: program, status: exit, message: message) }
    }

    private struct Pipe: ~Copyable {
        var reader: Descriptor
        var writer: Descriptor
    }

    private static func pipe(_ program: String) throws(Failure) -> Pipe {
        var ends: [Int32] = [-1, -1]
        let code = unsafe waggle_pipe(&ends)
        guard code == 0 else {
            throw Failure(
                program: program,
                status: -1,
                message: SystemError("pipe2", code: -code).description
            )
        }
        return Pipe(reader: Descriptor(owning: ends[0]), writer: Descriptor(owning: ends[1]))
    }

    private static func text(_ descriptor: Int32) -> String {
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 2000)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            if octets.count < 2000 { octets += chunk[..<count] }
        }
        return String(decoding: octets.prefix(2000), as: UTF8.self)
    }
}
