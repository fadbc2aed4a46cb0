"""Schedules: jobs that are enqueued at fixed times in UTC, once with any number of schedulers.

- `schedule`: when a job is due, and what is made up for after downtime.
- `schedule_runs`: the ticks that have been run, in the database.
- `scheduler`: the loop that enqueues what is due.
"""

from monynha.infra.schedules.schedule import CatchUp, Schedule
from monynha.infra.schedules.schedule_runs import ScheduleRun, ScheduleRuns, TickPayload
from monynha.infra.schedules.scheduler import Scheduler

__all__ = ["CatchUp", "Schedule", "ScheduleRun", "ScheduleRuns", "Scheduler", "TickPayload"]
