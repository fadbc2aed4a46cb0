"""PostgreSQL: connections that run every statement as an actor, roles, and an audit of both.

- `database`: `Database`, the actor's connection and its transactions. Start reading here.
- `retries`: runs a transaction again that lost a race or waited for a lock.
- `role_pools`: the pools of one role; `pipeline/` for single statements, `pool` for transactions.
- `heavy_reads`: the heavy reads of users, in turn.
- `probe`: whether the database responds, asked each second.
- `connect`: opens the connections of all pools.
- `stream_version`: the stream versions that a transaction wrote, reported by triggers.
- `errors`: PostgreSQL's errors as ours.
- `roles`: the database roles (`roles.sql`) and the logins that may switch to them.
- `login`: connections for commands, outside the pools.
- `pg_tools`: pg_dump and pg_restore.
- `advisor`: security findings (`advisor.sql`).

`schema_release.sql` creates the table that records the last migration.
"""
