"""Answers larger than anybody needs: refused before they are made, or cut off by PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.protocols.graphql.clients import ws_client
from tests.protocols.graphql.requests import execute, fetch_data
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

GRAPHQL = {"accept": "application/graphql-response+json"}
MAX_STATEMENT_BYTES = 400_000_000
LONG_TEXT = "x" * 99_000


@pytest.fixture
async def large_project(user: ApiUser, owner_sql: Callable[..., Awaitable[list[Any]]]) -> AsyncIterator[dict[str, Any]]:
    """Return a project of the user with 100 tasks whose descriptions are almost as long as is allowed.

    It is deleted afterwards: an admin's list of all tasks, which other tests read, would be refused for its size.
    """
    project = await user.create_project()
    await owner_sql(
        "insert into public.tasks (project_id, title, description) "
        "select $1, 'Task ' || number, $2 from generate_series(1, 100) number",
        project["id"],
        LONG_TEXT,
    )
    yield project
    await owner_sql("delete from public.projects where id = $1", project["id"])


def tasks_with_aliases(project: dict[str, Any], alias_count: int) -> str:
    """Return a document that shows the descriptions of 100 tasks under so many aliases."""
    aliases = " ".join(f"a{number}: description" for number in range(alias_count))
    return f'{{ tasks(projectId: "{project["id"]}", limit: 100) {{ {aliases} }} }}'


def largest_backend_memory() -> int:
    """Return the largest private memory of a PostgreSQL process now, in bytes."""
    peaks = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if fields["Name"].strip() == "postgres" and "RssAnon" in fields:
            peaks.append(int(fields["RssAnon"].split()[0]) * 1024)
    return max(peaks)


async def watch_memory(request: asyncio.Task[httpx.Response]) -> int:
    """Return the largest private memory of a PostgreSQL process while a request runs."""
    peak = 0
    while not request.done():
        peak = max(peak, await asyncio.to_thread(largest_backend_memory))
        await asyncio.sleep(0.005)
    return peak


async def test_many_aliases_of_a_long_field_are_refused_before_execution(
    user: ApiUser, large_project: dict[str, Any]
) -> None:
    response = await execute(user, tasks_with_aliases(large_project, 13), headers=GRAPHQL)

    details = {"limit": 128_000_000, "cost": 130_000_000, "of": "characters"}
    error = response.json()["errors"][0]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["extensions"]["details"] == details
    assert "128000000" in error["message"]
    assert "130000000" in error["message"]


async def test_answer_of_too_many_bytes_is_cut_off_by_postgresql(user: ApiUser, large_project: dict[str, Any]) -> None:
    request = asyncio.create_task(execute(user, tasks_with_aliases(large_project, 12), headers=GRAPHQL))
    peak = await watch_memory(request)
    response = await request

    error = response.json()["errors"][0]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["extensions"]["details"] == {"limit": 32_000_000, "of": "bytes"}
    assert peak < MAX_STATEMENT_BYTES


async def test_largest_answer_that_is_allowed_arrives_and_stays_within_the_memory(
    user: ApiUser, large_project: dict[str, Any]
) -> None:
    project_id = large_project["id"]
    document = (
        f'{{ project(id: "{project_id}") {{ tasksPage(limit: 100) {{ nodes {{ '
        "a: description b: description c: description project { tasks(limit: 1) { title } } } } } }"
    )
    request = asyncio.create_task(execute(user, document))
    peak = await watch_memory(request)
    response = await request

    assert response.status_code == 200, response.text[:1000]
    assert "errors" not in response.json(), response.text[:1000]
    assert len(response.content) > 29_000_000
    assert peak < MAX_STATEMENT_BYTES


async def test_escaped_characters_count_as_they_are_sent(
    user: ApiUser, large_project: dict[str, Any], owner_sql: Callable[..., Awaitable[list[Any]]]
) -> None:
    await owner_sql(
        "update public.tasks set description = repeat(chr(1), 99000) where project_id = $1", large_project["id"]
    )

    response = await user.get(f"/projects/{large_project['id']}/tasks?limit=100")
    few = await user.get(f"/projects/{large_project['id']}/tasks?limit=20")

    assert (response.status_code, response.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert response.json()["error"]["details"] == {"limit": 32_000_000, "of": "bytes"}
    assert few.status_code == 200


async def test_rest_includes_are_bounded_as_graphql_is(user: ApiUser, large_project: dict[str, Any]) -> None:
    refused = await user.get("/projects?limit=20&include=tasks")
    allowed = await user.get("/projects?limit=5&include=tasks")
    trimmed = await user.get("/projects?limit=100&include=tasks&fields=id,tasks.title")

    assert refused.status_code == 400
    assert refused.json()["error"]["details"]["of"] == "characters"
    assert len(allowed.json()["data"][0]["tasks"]) == 100
    assert trimmed.status_code == 200


async def test_list_of_long_texts_is_whole_below_the_limits(user: ApiUser, large_project: dict[str, Any]) -> None:
    data = await fetch_data(user, tasks_with_aliases(large_project, 3))

    assert [len(task["a2"]) for task in data["tasks"]] == [99_000] * 100


async def test_subscriptions_of_one_socket_share_the_limits_of_an_event(
    address: str, user: ApiUser, large_project: dict[str, Any]
) -> None:
    document = (
        f'subscription {{ taskChanged(projectId: "{large_project["id"]}") '
        "{ task { project { tasks(limit: 100) { description } } } } }"
    )
    wide_document = document.replace("description", " ".join(f"a{number}: description" for number in range(9)))
    async with ws_client(address, user) as client:
        await client.start_subscription(wide_document)
        await client.subscribe(wide_document)
        assert await client.next_error_codes() == ["BAD_REQUEST"]

        # The nine aliases have more bytes than one answer may have, so the first subscription ends too.
        task_id = (await user.get(f"/projects/{large_project['id']}/tasks?limit=1")).json()["data"][0]["id"]
        await user.put(f"/tasks/{task_id}", {"title": "Changed"})
        assert await client.next_error_codes() == ["BAD_REQUEST"]
