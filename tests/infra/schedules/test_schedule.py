"""When a schedule is due, and what is made up for after downtime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from monynha.infra.schedules import CatchUp, Schedule
from monynha.infra.schedules.schedule import MAX_TICKS

DAILY = Schedule("clean-up", "0 2 * * *", "clean-up", "Deletes what is no longer needed.")
WEEKLY = Schedule("weekly-report", "0 9 * * 1", "weekly-report", "Mails reports.")
MONTHLY = Schedule("monthly-analytics", "0 1 1 * *", "monthly-analytics", "Counts.", CatchUp.EVERY)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, hour …


@pytest.mark.parametrize(
    ("schedule", "now", "latest", "following"),
    [
        (DAILY, utc(2026, 11, 27, 13), utc(2026, 11, 27, 2), utc(2026, 11, 28, 2)),
        (DAILY, utc(2026, 11, 27, 2), utc(2026, 11, 27, 2), utc(2026, 11, 28, 2)),
        (DAILY, utc(2026, 11, 27, 1, 59, 59, 999_999), utc(2026, 11, 26, 2), utc(2026, 11, 27, 2)),
        (DAILY, utc(2026, 11, 27, 2, 0, 0, 1), utc(2026, 11, 27, 2), utc(2026, 11, 28, 2)),
        (WEEKLY, utc(2026, 11, 27, 13), utc(2026, 11, 23, 9), utc(2026, 11, 30, 9)),
        (WEEKLY, utc(2026, 11, 30, 8, 59), utc(2026, 11, 23, 9), utc(2026, 11, 30, 9)),
        (MONTHLY, utc(2026, 3, 1, 0, 59), utc(2026, 2, 1, 1), utc(2026, 3, 1, 1)),
        (MONTHLY, utc(2027, 1, 1, 1), utc(2027, 1, 1, 1), utc(2027, 2, 1, 1)),
    ],
)
def test_ticks_are_the_times_of_the_cron_expression(
    schedule: Schedule, now: datetime, latest: datetime, following: datetime
) -> None:
    assert (schedule.latest_tick(now), schedule.next_tick(now)) == (latest, following)


@pytest.mark.parametrize("day", range(24, 32))
def test_a_tick_is_the_same_time_in_utc_around_a_change_of_daylight_saving_time(day: int) -> None:
    """Europe changes its clocks in the night to 2026-10-25, the United States a week later."""
    in_new_york = datetime(2026, 10, day, 20, tzinfo=timezone(timedelta(hours=-4)))

    assert DAILY.next_tick(in_new_york) == utc(2026, 10, day, 2) + timedelta(days=1)


def test_after_three_days_of_downtime_the_latest_tick_is_due_once() -> None:
    assert DAILY.due_ticks(utc(2026, 11, 23, 2), utc(2026, 11, 26, 14)) == [utc(2026, 11, 26, 2)]


def test_a_schedule_that_makes_up_for_every_tick_has_them_oldest_first() -> None:
    assert MONTHLY.due_ticks(utc(2026, 8, 1, 1), utc(2026, 11, 1, 1)) == [
        utc(2026, 9, 1, 1),
        utc(2026, 10, 1, 1),
        utc(2026, 11, 1, 1),
    ]


@pytest.mark.parametrize("schedule", [DAILY, MONTHLY])
def test_nothing_is_due_before_the_next_tick(schedule: Schedule) -> None:
    tick = utc(2026, 11, 1, 2) if schedule is DAILY else utc(2026, 11, 1, 1)

    assert schedule.due_ticks(tick, tick) == []
    assert schedule.due_ticks(tick, schedule.next_tick(tick) - timedelta(microseconds=1)) == []


def test_a_clock_that_was_set_from_1970_makes_up_for_a_limited_number_of_ticks() -> None:
    hourly = Schedule("hourly", "0 * * * *", "hourly", "", CatchUp.EVERY)

    due = hourly.due_ticks(utc(1970, 1, 1), utc(2026, 11, 27, 13, 30))

    assert len(due) == MAX_TICKS
    assert due[-1] == utc(2026, 11, 27, 13)
    assert due[0] == utc(2026, 11, 27, 13) - timedelta(hours=MAX_TICKS - 1)
