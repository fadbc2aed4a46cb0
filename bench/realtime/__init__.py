"""The benchmark of sockets: `python -m bench.realtime`, or `make bench-realtime`."""
