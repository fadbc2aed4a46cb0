"""Custom GraphQL mutations of jobs: retry one, cancel one."""

from __future__ import annotations

from functools import partial

from monynha.domains.jobs.actions import CANCEL, RETRY, JobAction, act_on_job
from monynha.domains.jobs.models import jobs
from monynha.engine.mutation.mutations import PrimaryKey
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.schema.field_bindings import RowAction, RowActionHandler

_JOB_ACTIONS = {RowAction(action.name, jobs, action.description): action for action in (RETRY, CANCEL)}
CUSTOM_MUTATIONS = tuple(_JOB_ACTIONS)


def row_actions(queries: Queries) -> dict[RowAction, RowActionHandler]:
    """Return the handlers of the mutations of one job."""
    return {row_action: partial(_act, queries, action) for row_action, action in _JOB_ACTIONS.items()}


async def _act(
    queries: Queries, action: JobAction, connection: ActorConnection, key: PrimaryKey, selection: Selection
) -> JsonRow:
    return await act_on_job(queries, connection, action, key, selection)
