package import Base
import CLinux
import Glibc

/// The machine's clock and dice, for shells; cores get their readings as arguments.
package enum Clock {
    /// CLOCK_BOOTTIME: steady, and it counts the time the machine was suspended.
    package static func now() -> Moment {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Moment(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// Seconds since 1970, for what must mean something after a reboot.
    package static func unixSeconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec)
    }
}

/// Random numbers from the kernel, fit for query ids and seeds.
package enum KernelRandom {
    /// At most 256 octets, which the kernel gives whole.
    package static func octets(_ count: Int) -> [UInt8] {
        precondition(count <= 256, "getrandom gives no more at once for certain")
        var octets = [UInt8](repeating: 0, count: count)
        while true {
            let got = unsafe octets.withUnsafeMutableBytes { buffer in
                unsafe buffer.baseAddress.map { unsafe waggle_random($0, buffer.count) } ?? 0
            }
            if got == count { return octets }
            precondition(got == -Int(EINTR), "getrandom fails only when interrupted")
        }
    }

    package static func uint64() -> UInt64 {
        var value: UInt64 = 0
        while true {
            let count = unsafe withUnsafeMutableBytes(of: &value) { buffer in
                unsafe buffer.baseAddress.map { unsafe waggle_random($0, buffer.count) } ?? 0
            }
            if count == MemoryLayout<UInt64>.size { return value }
            precondition(count == -Int(EINTR), "getrandom fails only when interrupted")
        }
    }
}
