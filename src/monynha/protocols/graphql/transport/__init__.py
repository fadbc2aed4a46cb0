"""The transports of GraphQL.

* `http`: `/graphql` over HTTP, single requests and batches.
* `sse`: results as server-sent events (graphql-sse, distinct connections mode).
* `transport_ws`: the WebSocket subprotocol `graphql-transport-ws`.
* `request_params`: the parameters of a request, whatever the transport.
* `persisted_queries`: documents named by their hash.
* `content_negotiation`: the media type of a response.
* `graphiql`: the GraphiQL page, in development.
"""
