"""HTTP/1.1 and WebSocket on TCP connections that uvicorn accepts; below this package, everything is ASGI.

* `connection`: one HTTP/1.1 connection: parsing, pipelining, timeouts, closing
* `request_cycle`: one request and its response: ASGI's `receive` and `send`
* `websocket`: one WebSocket: handshake, messages, keep-alive pings, closing
* `ws_frames`: WebSocket frames from and to bytes
* `backpressure`: waiting for a peer that reads slowly
* `uvicorn_interface`: what these classes use of uvicorn
"""
