"""Pipelined connections for single statements: many queries in flight on one connection.

- `pool`: the connections of one role; batches the queries of one event loop iteration.
- `connection`: one connection, its queries in flight and its prepared statements.
- `cancel_request`: cancels what a server process runs.
- `protocol`: PostgreSQL's wire format and the encoding of binds.
"""
