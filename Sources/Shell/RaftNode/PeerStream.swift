import ClusterWire
import LinuxSystem
import SwarmCore

/// A stream that another node opened: frames come, nothing is answered on it.
final class PeerStream {
    let descriptor: Descriptor
    let token: UInt64
    private var buffer: [UInt8] = []

    init(token: UInt64, _ descriptor: consuming Descriptor) {
        self.token = token
        self.descriptor = descriptor
    }

    enum Reading {
        case nothing
        case ended
        /// What it says is no message of a manager.
        case refused
    }

    /// Reads once, as much as `scratch` holds, and hands on each whole message.
    func read(_ scratch: inout [UInt8], each body: (ManagerMessage) -> Void) -> Reading {
        let count: Int
        do throws(SystemError) {
            guard
                let got = try Sockets.receive(
                    descriptor.raw,
                    into: &scratch,
                    octetsMax: scratch.count
                )
            else { return .nothing }
            count = got
        } catch { return .ended }
        if count == 0 { return .ended }
        buffer += scratch[..<count]
        return takeFrames(body)
    }

    private func takeFrames(_ body: (ManagerMessage) -> Void) -> Reading {
        var at = 0
        defer { buffer.removeFirst(at) }
        while buffer.count - at >= 4 {
            var length = 0
            for place in 0..<4 { length |= Int(buffer[at + place]) << (8 * place) }
            guard length <= WireLimits.messageOctetsMax else { return .refused }
            guard buffer.count - at >= 4 + length else { return .nothing }
            let range = at + 4..<at + 4 + length
            at = range.upperBound
            do throws(WireFault) {
                body(try ManagerMessage(buffer.span.extracting(range)))
            } catch .kind {
                // A later version says more; what is not understood is not heard.
                continue
            } catch { return .refused }
        }
        return .nothing
    }
}
