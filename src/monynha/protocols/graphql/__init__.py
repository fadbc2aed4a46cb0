"""GraphQL over the engine: a schema derived from the catalog, one SQL statement per query.

* `executor`: a request in, a response out, whatever the transport.
* `limits`: limits on documents and variables.
* `errors`: errors in GraphQL's response format.
* `schema/`: the schema and the bindings of its fields.
* `execution/`: documents, plans, queries and mutations.
* `subscriptions/`: subscriptions over the realtime hub.
* `transport/`: HTTP, server-sent events and WebSocket.
"""
