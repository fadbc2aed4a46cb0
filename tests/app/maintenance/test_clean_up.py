"""The clean-up: what it deletes, what it keeps, and that one failure does not stop the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monynha.app.maintenance.clean_up import CleanUp, CleanUpError

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 27, 2, tzinfo=UTC)


async def delete_three(now: datetime) -> int:
    return 3


async def fail(now: datetime) -> int:
    raise OSError("no space")


async def test_each_step_reports_how_much_it_deleted() -> None:
    seen: list[datetime] = []

    async def remember(now: datetime) -> int:
        seen.append(now)
        return 0

    assert await CleanUp({"a": delete_three, "b": remember}).run(NOW) == {"a": 3, "b": 0}
    assert seen == [NOW]


async def test_a_step_that_fails_does_not_keep_the_others_from_running() -> None:
    ran: list[str] = []

    async def run_last(now: datetime) -> int:
        ran.append("last")
        return 1

    with pytest.raises(CleanUpError, match=r"^the clean-up failed in part: a, b$") as failure:
        await CleanUp({"b": fail, "a": fail, "last": run_last}).run(NOW)

    assert ran == ["last"]
    assert isinstance(failure.value.__cause__, OSError)
