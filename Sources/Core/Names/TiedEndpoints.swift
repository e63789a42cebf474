/// Which endpoints end with which sandbox or process, by their places.
struct TiedEndpoints: Sendable {
    private var bySandbox: [String: Set<UInt32>] = [:]
    private var byProcess: [Int32: Set<UInt32>] = [:]

    mutating func insert(_ tie: Tie, _ place: UInt32) {
        switch tie {
        case .sandbox(let name): bySandbox[name, default: []].insert(place)
        case .process(let pid, _): byProcess[pid, default: []].insert(place)
        case .static, .timeToLive: break
        }
    }

    mutating func remove(_ tie: Tie, _ place: UInt32) {
        switch tie {
        case .sandbox(let name):
            bySandbox[name]?.remove(place)
            if bySandbox[name]?.isEmpty == true { bySandbox[name] = nil }
        case .process(let pid, _):
            byProcess[pid]?.remove(place)
            if byProcess[pid]?.isEmpty == true { byProcess[pid] = nil }
        case .static, .timeToLive: break
        }
    }

    func places(ofSandbox name: String) -> [UInt32] { bySandbox[name]?.sorted() ?? [] }

    func places(ofProcess pid: Int32) -> [UInt32] { byProcess[pid]?.sorted() ?? [] }
}
