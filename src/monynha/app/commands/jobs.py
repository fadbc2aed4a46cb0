"""`monynha jobs`: look at background jobs, retry and cancel them, and delete those that have ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter
from cyclopts.types import NonNegativeInt

from monynha.app.command_error import CommandError
from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.serialization import parse_uuid
from monynha.core.settings.settings import Settings

if TYPE_CHECKING:
    from monynha.domains.jobs.actions import JobAction
    from monynha.engine.mutation.mutations import PrimaryKey
    from monynha.infra.postgres.database import ActorConnection, Database

_ENDED_STATES: Final = ("completed", "cancelled", "dead")
_COLUMNS: Final = ("id", "state", "queue", "attempts", "createdAt", "lastError")
EndedState = Literal["completed", "cancelled", "dead"]
JobId = Annotated[str, Parameter(help="The id of the job.")]

jobs = App(
    name="jobs",
    help="Look at background jobs, retry, cancel and purge them.\n\nExample: monynha jobs list --state dead",
)


@jobs.command(name="list")
def list_jobs(
    *,
    queue: Annotated[str | None, Parameter(help="Only jobs of these queues, separated by commas.")] = None,
    state: Annotated[
        str | None, Parameter(help="Only jobs in these states: ready, active, completed, dead, cancelled.")
    ] = None,
    limit: Annotated[str, Parameter(help="How many jobs at most, up to 100.")] = "20",
    cursor: Annotated[str | None, Parameter(help="Where to go on: the nextCursor of the page before.")] = None,
    data_dir: DataDir = None,
    json_: AsJson = False,
) -> None:
    """List jobs, newest first.

    Example: monynha jobs list --state dead --queue email
    """
    params = {"queue": queue, "state": state, "limit": limit, "cursor": cursor}
    given = {name: value for name, value in params.items() if value is not None}
    run(_list_jobs(read_settings(data_dir=data_dir), given, as_json=json_))


@jobs.command
def show(job_id: JobId, /, *, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Show one job. The private part of its payload is not shown.

    Example: monynha jobs show 0190b5a2-7c1e-4c5e-9a51-1d2f3a4b5c6d
    """
    run(_show(read_settings(data_dir=data_dir), job_id, as_json=json_))


@jobs.command
def retry(job_id: JobId, /, *, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Make a dead or cancelled job ready again, with all its attempts.

    Example: monynha jobs retry 0190b5a2-7c1e-4c5e-9a51-1d2f3a4b5c6d
    """
    from monynha.domains.jobs.actions import RETRY

    run(_act(read_settings(data_dir=data_dir), RETRY, job_id, as_json=json_))


@jobs.command
def cancel(job_id: JobId, /, *, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Cancel a job that waits or runs.

    Example: monynha jobs cancel 0190b5a2-7c1e-4c5e-9a51-1d2f3a4b5c6d
    """
    from monynha.domains.jobs.actions import CANCEL

    run(_act(read_settings(data_dir=data_dir), CANCEL, job_id, as_json=json_))


@jobs.command
def purge(
    *,
    state: Annotated[
        EndedState | None, Parameter(help="Only jobs in this state (default: all that have ended).")
    ] = None,
    older_than_days: Annotated[NonNegativeInt, Parameter(help="Only jobs that ended so many days ago.")] = 0,
    data_dir: DataDir = None,
    json_: AsJson = False,
) -> None:
    """Delete jobs that have ended: completed, cancelled and dead ones.

    Example: monynha jobs purge --state dead --older-than-days 30
    """
    states = _ENDED_STATES if state is None else (state,)
    run(_purge(read_settings(data_dir=data_dir), states, older_than_days, as_json=json_))


async def _list_jobs(settings: Settings, params: dict[str, str], *, as_json: bool) -> None:
    from monynha.app.catalog import CATALOG
    from monynha.domains.jobs import jobs as resource
    from monynha.engine.query.compiler import Compiler
    from monynha.engine.query.cursor import encode_cursor
    from monynha.engine.query.queries import Queries
    from monynha.protocols.rest.query_params import QueryParamParser

    async with _as_admin(settings) as connection:
        parser = QueryParamParser(CATALOG)
        selection = parser.parse_list(resource, params, connection.actor)
        page = await Queries(Compiler()).fetch_page(connection, parser.apply_cursor(selection, params))
    next_cursor = None if page.last_sort_values is None else encode_cursor(selection, page.last_sort_values, (None,))
    rows = json.loads(page.rows)
    if as_json:
        print(json.dumps({"jobs": rows, "nextCursor": next_cursor}))
        return
    for row in rows:
        print("  ".join(str(row[name]) for name in _COLUMNS if row[name] is not None))
    if next_cursor is not None:
        print(f"More with --cursor {next_cursor}")


async def _show(settings: Settings, job_id: str, *, as_json: bool) -> None:
    from monynha.domains.jobs import jobs as resource
    from monynha.engine.query.compiler import Compiler
    from monynha.engine.query.queries import Queries
    from monynha.engine.query.selection import Selection

    async with _as_admin(settings) as connection:
        selection = Selection(resource, resource.field_names, key=_key(job_id))
        row = await Queries(Compiler()).fetch_row(connection, selection)
    _print_job(row.json, as_json=as_json)


async def _act(settings: Settings, action: JobAction, job_id: str, *, as_json: bool) -> None:
    from monynha.domains.jobs import jobs as resource
    from monynha.domains.jobs.actions import act_on_job
    from monynha.engine.query.compiler import Compiler
    from monynha.engine.query.queries import Queries
    from monynha.engine.query.selection import Selection

    async with _as_admin(settings) as connection:
        key = _key(job_id)
        selection = Selection(resource, resource.field_names, key=key)
        row = await act_on_job(Queries(Compiler()), connection, action, key, selection)
    if as_json:
        _print_job(row.json, as_json=True)
    else:
        print(f"The job is {json.loads(row.json)['state']}.")


async def _purge(settings: Settings, states: tuple[str, ...], older_than_days: int, *, as_json: bool) -> None:
    from datetime import UTC, datetime, timedelta
    from uuid import uuid4

    from monynha.infra.queue.job_store import JobStore

    ended_before = datetime.now(UTC) - timedelta(days=older_than_days)
    deleted = 0
    async with _open_database(settings) as database:
        store = JobStore(database, uuid4())
        while batch := await store.delete_ended(states, ended_before):
            deleted += batch
    print(json.dumps({"deleted": deleted}) if as_json else f"{deleted} jobs are deleted.")


@asynccontextmanager
async def _open_database(settings: Settings) -> AsyncIterator[Database]:
    from monynha.app.command_error import app_errors_as_command_errors
    from monynha.app.commands.command_context import command_context

    async with command_context(settings) as context:
        with app_errors_as_command_errors():
            yield context.database


@asynccontextmanager
async def _as_admin(settings: Settings) -> AsyncIterator[ActorConnection]:
    """Yield the database with the rights of the service key, which whoever runs a command could print."""
    from monynha.core.actor import Actor, ActorKind

    async with _open_database(settings) as database:
        yield database.as_actor(Actor(ActorKind.SERVICE, claims='{"role":"service_role"}'))


def _key(job_id: str) -> PrimaryKey:
    key = parse_uuid(job_id)
    if key is None:
        raise CommandError("the id of a job is a UUID, as `monynha jobs list` prints it")
    return (key,)


def _print_job(document: bytes, *, as_json: bool) -> None:
    job = json.loads(document)
    if as_json:
        print(json.dumps(job))
        return
    for name, value in job.items():
        print(f"{name:<12} {value if isinstance(value, str) else json.dumps(value)}")
