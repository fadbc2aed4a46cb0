"""Times: sent with an offset, answered in UTC with six digits (RFC 3339)."""

from __future__ import annotations

import re

import pytest

from tests.users import ApiUser

pytestmark = pytest.mark.anyio

TIMES = [
    ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31T09:00:00+00:00", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31T09:00:00-00:00", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31t09:00:00z", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31 09:00:00Z", "2026-01-31T09:00:00.000000Z"),
    ("2026-01-31T23:30:00-05:30", "2026-02-01T05:00:00.000000Z"),
    ("2026-01-01T00:00:00+14:00", "2025-12-31T10:00:00.000000Z"),
    ("2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.500000Z"),
    ("2026-01-31T09:00:00.123456Z", "2026-01-31T09:00:00.123456Z"),
    ("2026-01-31T09:00:00.1234569Z", "2026-01-31T09:00:00.123456Z"),
    ("2026-01-31T09:00:00.999999999Z", "2026-01-31T09:00:00.999999Z"),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ("0999-06-01T00:00:00Z", "0999-06-01T00:00:00.000000Z"),
    ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00.000000Z"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
]
INVALID_TIMES = [
    "2026-01-31",
    "2026-01-31T09:00:00",
    "2026-01-31T09:00Z",
    "2026-01-31T09Z",
    "20260131T090000Z",
    "2026-01-31T09:00:00+0100",
    "2026-01-31T09:00:00+01",
    "2026-01-31T09:00:00 Z",
    " 2026-01-31T09:00:00Z",
    "2026-01-31T09:00:00Z\n",
    "2026-01-31T09:00:00.Z",
    "2026-01-31T09:00:00,5Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T09:60:00Z",
    "2026-01-31T09:00:61Z",
    "2026-01-31T09:00:00+24:00",
    "2026-01-31T09:00:00+01:60",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "+2026-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "２０２６-01-31T09:00:00Z",
    "infinity",
    "now",
    "epoch",
    "",
    1769850000,
    1769850000.5,
    True,
    {},
    [],
]


@pytest.mark.parametrize(("sent", "expected"), TIMES)
async def test_a_time_is_answered_in_utc(user: ApiUser, sent: str, expected: str) -> None:
    project = await user.create_project()

    task = await user.create_task(project, dueDate=sent)
    changed = await user.put(f"/tasks/{task['id']}", {"dueDate": sent})

    assert task["dueDate"] == expected
    assert task == changed.json()["data"]
    assert (await user.get("/tasks?sort=dueDate")).json()["data"] == [task]


@pytest.mark.parametrize("sent", INVALID_TIMES)
async def test_what_is_no_time_is_refused(user: ApiUser, sent: object) -> None:
    project = await user.create_project()

    response = await user.post(f"/projects/{project['id']}/tasks", {"title": "x", "dueDate": sent})

    assert (422, ["dueDate"]) == (response.status_code, [*response.json()["error"]["details"]])


async def test_every_time_has_six_digits_and_a_z(user: ApiUser) -> None:
    project = await user.create_project()
    await user.create_task(project, dueDate="2026-01-01T00:00:00Z")

    shown = (await user.get(f"/projects/{project['id']}?include=tasks,members.user,owner")).text

    times = re.findall(r'"(?:\w+At|dueDate)":\s?"([^"]*)"', shown)
    assert len(times) == 10
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time) for time in times)


async def test_times_far_apart_are_paged_in_order(user: ApiUser) -> None:
    project = await user.create_project()
    for time, _ in TIMES[-5:]:
        await user.create_task(project, dueDate=time)
    expected = sorted(time for _, time in TIMES[-5:])

    times = []
    cursor = ""
    for _ in range(5):
        page = (await user.get(f"/tasks?sort=dueDate&limit=1{cursor}")).json()
        times += [one["dueDate"] for one in page["data"]]
        cursor = f"&cursor={page['meta']['nextCursor']}"

    assert times == expected
