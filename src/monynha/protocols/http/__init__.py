"""HTTP: requests come in, handlers answer them; no other protocol, no resource is known here.

A request passes `server/connection` (bytes to ASGI), `application` (the stages in their order), `router` (path to
handler), the handler, and goes back as a `response`.

* `server/`: HTTP/1.1 and WebSocket connections
* `application`: the ASGI application: request id, routing, errors, CORS, log line
* `router`: path and method to handler
* `request`, `response`: what a handler takes and returns; the JSON envelope
* `request_log`: the log line of a request
* `multipart`: forms with files, read while they arrive
* `representation`: conditional and partial requests for a stored body
* `deadlines`: how long the handler of a request may take
* `client_ip`: the client's IP, behind trusted proxies
* `secure_transport`: whether a request came over TLS
* `cookies`: cookies that no script reads
* `cors`: which origins may read responses
* `rate_limits`: 429 and the RateLimit headers
* `content_negotiation`: whether a client accepts JSON
* `health`: `/healthz` and `/readyz`
* `sse`: server-sent events
"""
