"""Which documents are planned as subscriptions, and where they resume."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.graphql.clients import (
    TASK_CHANGED,
    project_variables,
    subscribed_client,
    ws_client,
)
from tests.protocols.graphql.requests import error_codes
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def test_resume_token_replays_missed_events(address: str, user: ApiUser, project: dict[str, Any]) -> None:
    async with subscribed_client(address, user, TASK_CHANGED, project) as client:
        await user.create_task(project, title="1")
        since = (await client.next_result())["resumeToken"]
    for title in ("2", "3"):
        await user.create_task(project, title=title)
    async with ws_client(address, user) as client:
        await client.subscribe(TASK_CHANGED, {**project_variables(project), "since": since})
        missed = [(await client.next_result())["title"] for _ in range(2)]
        await client.subscribe(TASK_CHANGED, {**project_variables(project), "since": "junk"})
        malformed_codes = await client.next_error_codes()
        await client.subscribe(TASK_CHANGED, {**project_variables(await user.create_project()), "since": since})
        other_stream_codes = await client.next_error_codes()

    assert missed == ["2", "3"]
    assert (malformed_codes, other_stream_codes) == (["BAD_REQUEST"], ["BAD_REQUEST"])


async def test_subscription_over_plain_http_is_rejected(user: ApiUser, project: dict[str, Any]) -> None:
    assert await error_codes(user, TASK_CHANGED, id=project["id"]) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "query",
    [
        "subscription { a: notificationAdded { id } b: notificationAdded { id } }",
        "subscription { notificationAdded { id } __typename }",
        "subscription { __typename }",
        "subscription ($no: Boolean = false) { notificationAdded @include(if: $no) { id } }",
        "subscription { ...F } fragment F on Subscription { a: notificationAdded { id } b: nothing }",
        "subscription { taskChanged { id } }",
        "subscription { notificationAdded { " + " ".join(f"a{n}: id" for n in range(200)) + " } }",
        "subscription { notificationAdded { user { ownedProjects(limit: 50) { tasks(limit: 50) { id }}}}}",
        "subscription { notificationAdded { " + " ".join(f"a{n}: user {{ id }}" for n in range(21)) + " } }",
        "subscription { nothing { id } }",
        "subscription { notificationAdded { id ",
        "subscription A { notificationAdded { id } } subscription B { notificationAdded { id } }",
    ],
)
async def test_invalid_or_too_costly_subscription_is_rejected(address: str, user: ApiUser, query: str) -> None:
    async with ws_client(address, user) as client:
        await client.subscribe(query)

        assert set(await client.next_error_codes()) == {"BAD_REQUEST"}
        await client.subscribe("{ __typename }")
        assert await client.next_result() == "Query"
