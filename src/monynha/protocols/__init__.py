"""The protocols by which clients reach the engine; they know resources in general and no domain.

* `http`: the server, routing, requests and responses
* `rest`: resources as REST endpoints, with server-sent events
* `graphql`: resources as a GraphQL schema, with subscriptions
* `openapi`: the description of the REST endpoints
* `realtime`: what the realtime protocols share
* `websocket`: JSON messages at `/ws`
* `phoenix`: Supabase Realtime
"""
