"""The servers and services that the program uses; nothing here knows a resource.

- `postgres/`: the database, its pools and roles.
- `valkey/`: published messages and rate limits.
- `queue/`: background jobs.
- `schedules/`: enqueues jobs at fixed times.
- `storage/`: bodies of files, in a folder or a cloud's bucket.
- `mail/`: sends mail.
- `outgoing_http`: the requests that the program makes itself.
- `webhook`: signed messages to an address of the operator.
- `images/`: shrinks and encodes images, in processes of their own.
- `embedded/`: starts and supervises PostgreSQL and Valkey inside the program.
"""
