"""The benchmark of sockets: `python -m bench.realtime`, or `make bench-realtime`.

__main__: runs all measurements and prints the table
fan_out: messages a second to many subscribers
latency: time from a request to its delivery
ws_client: a WebSocket client cheap enough for thousands of sockets
"""
