"""HTTP/1.1 and WebSocket on TCP connections that uvicorn accepts; below this package, everything is ASGI.

* `connection`: one HTTP/1.1 connection: parsing, pipelining, timeouts, closing
* `request_cycle`: one request and its response: ASGI's `receive` and `send`
* `websocket`: one WebSocket: handshake, messages, keep-alive pings, closing
* `ws_frames`: WebSocket frames from and to bytes
* `token_bucket`: how much a WebSocket may send
* `unauthenticated_sockets`: how many unauthenticated WebSockets a client may have
* `unsent_bytes`: clients that read slowly: the bytes that wait for them, and the least speed
* `backpressure`: waiting for a peer that reads slowly
* `uvicorn_interface`: what these classes use of uvicorn
"""
