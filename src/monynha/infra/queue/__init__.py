"""The queue of background jobs in PostgreSQL: enqueued in a transaction, claimed in batches, done at least once.

- `job`: what a handler gets and declares: `Job`, `JobHandler`, and the errors it raises. Start reading here.
- `payload`: JSON payloads as frozen dataclasses, and back.
- `enqueue`: enqueues a job in a transaction.
- `job_store`: the statements of workers on `monynha.jobs`.
- `worker`: claims jobs and runs their handlers; `attempt`: runs one handler once.

The SQL functions are in `migrations/sql/0011_jobs.sql`.
"""
