/// An array in pages, so that a copy that is changed in one place shares all but one page with the
/// original.
struct PagedArray<Element: Sendable>: Sendable {
    private static var pageBits: Int { 8 }
    private static var pageSize: Int { 1 << pageBits }

    private var pages: [[Element]]
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        pages = stride(from: 0, to: elements.count, by: Self.pageSize).map { start in
            Array(elements[start..<min(start + Self.pageSize, elements.count)])
        }
    }

    @inline(__always)
    subscript(index: Int) -> Element {
        get { pages[index >> Self.pageBits][index & (Self.pageSize - 1)] }
        set { pages[index >> Self.pageBits][index & (Self.pageSize - 1)] = newValue }
    }

    var all: [Element] { pages.flatMap { $0 } }
}
