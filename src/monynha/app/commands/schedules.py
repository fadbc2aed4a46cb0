"""`monynha schedules`: when schedules run, and running one by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from monynha.app.command_error import CommandError
from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.serialization import format_timestamp
from monynha.core.settings.settings import Settings

if TYPE_CHECKING:
    from monynha.infra.schedules import Schedule

schedules = App(
    name="schedules",
    help="See when schedules run, and run one now.\n\nExample: monynha schedules list",
)


@schedules.command(name="list")
def list_schedules(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """List the schedules, with the last run and the next one. All times are in UTC.

    Example: monynha schedules list --json
    """
    run(_list_schedules(read_settings(data_dir=data_dir), as_json=json_))


@schedules.command(name="run")
def run_schedule(
    name: Annotated[str, Parameter(help="The name of the schedule.")],
    /,
    *,
    data_dir: DataDir = None,
    json_: AsJson = False,
) -> None:
    """Enqueue the job of a schedule's latest time now; a worker does it. What was done already is not done again.

    Example: monynha schedules run clean-up
    """
    run(_run_schedule(read_settings(data_dir=data_dir), name, as_json=json_))


async def _list_schedules(settings: Settings, *, as_json: bool) -> None:
    from monynha.app.commands.command_context import command_context
    from monynha.app.composition.schedules import SCHEDULES
    from monynha.core.clock import utc_now
    from monynha.infra.schedules import ScheduleRuns

    async with command_context(settings) as context:
        last_runs = await ScheduleRuns(context.database).fetch_last_runs([schedule.name for schedule in SCHEDULES])
    rows = []
    for schedule in SCHEDULES:
        last_run = last_runs.get(schedule.name)
        rows.append(
            {
                "name": schedule.name,
                "cron": schedule.cron,
                "description": schedule.description,
                "nextRun": format_timestamp(schedule.next_tick(utc_now())),
                "lastRun": last_run and format_timestamp(last_run.tick),
                "lastJobId": last_run and str(last_run.job_id),
            }
        )
    if as_json:
        print(json.dumps({"schedules": rows}))
        return
    for row in rows:
        print(f"{row['name']:<18} next {row['nextRun']}  last {row['lastRun'] or 'never'}")
        print(f"{'':<18} {row['description']}")


async def _run_schedule(settings: Settings, name: str, *, as_json: bool) -> None:
    from monynha.app.commands.command_context import command_context
    from monynha.core.clock import utc_now
    from monynha.infra.schedules import ScheduleRuns

    schedule = _find(name)
    async with command_context(settings) as context:
        job_id = await ScheduleRuns(context.database).enqueue_now(schedule, schedule.latest_tick(utc_now()))
    if as_json:
        print(json.dumps({"jobId": str(job_id)}))
    else:
        print(f"Enqueued as job {job_id}; see `monynha jobs show {job_id}`.")


def _find(name: str) -> Schedule:
    """Return the schedule of a name; raise CommandError if there is none."""
    from monynha.app.composition.schedules import SCHEDULES

    for schedule in SCHEDULES:
        if schedule.name == name:
            return schedule
    raise CommandError(f"there is no schedule {name!r}, only {', '.join(schedule.name for schedule in SCHEDULES)}")
