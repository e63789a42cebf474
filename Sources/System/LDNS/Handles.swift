import CLDNS
import Glibc

/// Owns one record of libldns and everything in it.
@safe
struct RecordHandle: ~Copyable {
    private let pointer: UnsafeMutablePointer<ldns_rr>

    /// Parses one record that stands on one line with absolute names.
    ///
    /// Throws: the status number of libldns.
    init(text: String) throws(LibraryStatus) {
        var made: UnsafeMutablePointer<ldns_rr>?
        // No origin and no previous owner go in, so libldns neither keeps nor completes a name.
        let status = unsafe ldns_rr_new_frm_str(&made, text, 0, nil, nil)
        guard status == LDNS_STATUS_OK, let made = unsafe made else {
            throw LibraryStatus(number: status.rawValue)
        }
        unsafe pointer = unsafe made
    }

    /// Parses one record in wire form that fills `octets`.
    ///
    /// Throws: the status number of libldns, or "packet overflow" when it ends elsewhere.
    init(wire octets: [UInt8]) throws(LibraryStatus) {
        var made: UnsafeMutablePointer<ldns_rr>?
        var stop = 0
        let status = unsafe ldns_wire2rr(
            &made,
            octets,
            octets.count,
            &stop,
            LDNS_SECTION_ANSWER
        )
        guard status == LDNS_STATUS_OK, let made = unsafe made else {
            throw LibraryStatus(number: status.rawValue)
        }
        guard stop == octets.count else {
            unsafe ldns_rr_free(made)
            throw LibraryStatus(number: LDNS_STATUS_PACKET_OVERFLOW.rawValue)
        }
        unsafe pointer = unsafe made
    }

    deinit {
        unsafe ldns_rr_free(pointer)
    }

    var fieldCount: Int { unsafe ldns_rr_rd_count(pointer) }

    /// The record data in wire form, names uncompressed.
    var data: [UInt8] { unsafe recordData(pointer) }
}

/// Owns one message of libldns and everything in it.
@safe
struct MessageHandle: ~Copyable {
    private let pointer: UnsafeMutablePointer<ldns_pkt>

    /// Parses a message, trusting its shape: see `MessageFraming` for what libldns lets pass.
    init(_ octets: [UInt8]) throws(LibraryStatus) {
        var made: UnsafeMutablePointer<ldns_pkt>?
        let status = unsafe ldns_wire2pkt(&made, octets, octets.count)
        guard status == LDNS_STATUS_OK, let made = unsafe made else {
            throw LibraryStatus(number: status.rawValue)
        }
        unsafe pointer = unsafe made
    }

    deinit {
        unsafe ldns_pkt_free(pointer)
    }

    /// Takes the EDNS options away, so that libldns does not look into them.
    mutating func removeOptions() {
        unsafe ldns_rdf_deep_free(ldns_pkt_edns_data(pointer))
        unsafe ldns_pkt_set_edns_data(pointer, nil)
    }

    /// Lends the message and all in it for the length of `body`; no pointer may leave it.
    borrowing func read<Result, Failure>(
        _ body: (UnsafePointer<ldns_pkt>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }
}

/// A status number of libldns other than 0.
struct LibraryStatus: Error {
    let number: UInt32
}

/// Takes a string that libldns allocated, and frees it; empty when there is none.
@unsafe
func takeText(_ allocated: UnsafeMutablePointer<CChar>?) -> String {
    guard let allocated = unsafe allocated else { return "" }
    defer { unsafe free(allocated) }
    return unsafe String(cString: allocated)
}

/// The record data in wire form, names uncompressed: the fields of libldns one after the other.
@unsafe
func recordData(_ record: UnsafePointer<ldns_rr>) -> [UInt8] {
    var octets: [UInt8] = []
    for index in unsafe 0..<ldns_rr_rd_count(record) {
        guard let field = unsafe ldns_rr_rdf(record, index) else { break }
        octets += unsafe fieldData(field)
    }
    return octets
}

/// A copy of one field's octets.
@unsafe
func fieldData(_ field: UnsafePointer<ldns_rdf>) -> [UInt8] {
    let start = unsafe ldns_rdf_data(field)
    let buffer = unsafe UnsafeBufferPointer(start: start, count: ldns_rdf_size(field))
    return unsafe Array(buffer)
}
