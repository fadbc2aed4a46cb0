"""Background jobs, as system admins see them; the queue itself is `infra/queue`.

models: the `jobs` resource
actions: retry and cancel a job
http, graphql: the endpoints and mutations of the actions
policies.sql: who may enqueue jobs, work on them, and see them
"""

from monynha.domains.jobs.models import JobRow, jobs

__all__ = ["JobRow", "jobs"]
