"""Actions on jobs, for REST, GraphQL and the command line alike: retry one, cancel one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monynha.core.errors import ConflictError, ForbiddenError, NotFoundError
from monynha.domains.jobs.models import JobState, jobs
from monynha.engine.mutation.mutations import PrimaryKey
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.errors import ConstraintViolationError


@dataclass(frozen=True)
class JobAction:
    """Something that admins do to one job, by a function of the database that returns the state it had."""

    name: str
    sql_function: str
    description: str
    applies_to: frozenset[JobState]
    past_participle: str


RETRY = JobAction(
    "retryJob",
    "monynha.retry_job",
    "Make a dead or cancelled job ready again, with all its attempts.",
    frozenset({JobState.DEAD, JobState.CANCELLED}),
    "retried",
)
CANCEL = JobAction(
    "cancelJob",
    "monynha.cancel_job",
    "Cancel a job that waits or runs. One that runs is interrupted; what it has done until then stays done.",
    frozenset({JobState.READY, JobState.ACTIVE}),
    "cancelled",
)


async def act_on_job(
    queries: Queries, connection: ActorConnection, action: JobAction, key: PrimaryKey, selection: Selection
) -> JsonRow:
    """Do it, and return what is selected of the job as it is then.

    Raises ForbiddenError if the actor is no admin, NotFoundError, and ConflictError if the job is in another state.
    """
    try:
        async with connection.transaction() as transaction:
            previous_state = await transaction.fetch_value(f"select {action.sql_function}($1)", *key)
            if previous_state is None:
                raise NotFoundError.for_name(jobs.singular)
            if previous_state not in action.applies_to:
                states = " and ".join(sorted(action.applies_to))
                raise ConflictError(
                    f"The job is {previous_state}; only jobs that are {states} can be {action.past_participle}.",
                    details={"state": str(previous_state)},
                )
            return await queries.fetch_in_transaction(transaction, replace(selection, key=key))
    except ConstraintViolationError as violation:
        if violation.is_permission_denied:
            raise ForbiddenError() from violation
        # The only constraint that a state can violate.
        message = "is that of another job which waits or runs"
        raise ConflictError(f"The deduplication key {message}.", details={"dedupKey": message}) from violation
