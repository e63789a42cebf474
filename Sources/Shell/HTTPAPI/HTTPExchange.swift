/// One request on its way to a handler, and the way back for its response.
struct HTTPExchange: Sendable {
    let request: APIRequest
    let handler: APIHandler
    /// Ends when the client hangs up; has no elements.
    let gone: AsyncStream<Never>
    let respond: @Sendable (APIResponse) -> Void

    /// Runs the handler, cancelling it when the client hangs up first.
    func answer() async {
        let response = await withTaskGroup(of: APIResponse?.self) { group in
            group.addTask { await handler(request) }
            group.addTask {
                for await _ in gone {}
                return nil
            }
            var response: APIResponse?
            for await result in group {
                response = response ?? result
                group.cancelAll()
            }
            return response
        }
        respond(response ?? .failure(503, "the request was given up"))
    }
}
