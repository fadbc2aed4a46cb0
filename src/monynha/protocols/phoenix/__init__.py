"""Supabase Realtime at `/realtime/v1`: Phoenix channels over a WebSocket, as the official clients speak it.

* `connection`: one socket: its handshake, its channels, heartbeats
* `channel`: one joined topic of a socket
* `join_params`: what a client asks for when it joins
* `serializer`: Phoenix messages, protocol versions 1.0.0 and 2.0.0
* `tokens`: verifies access tokens, with the error messages of Supabase
* `bindings`, `filters`, `regex`: which changes of tables a channel receives
* `postgres_changes`: sends those changes
* `topics`: rooms of topics, access to private ones, broadcasts in them
* `presence`: who is in a room, across processes
* `http`: broadcasts by HTTP
* `context`: the services that all of these use
"""
