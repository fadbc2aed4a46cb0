"""A channel's life, message by message: joining, changes, resuming, new tokens, closing."""

from __future__ import annotations

import time
from typing import Any

import pytest

from monynha.app.composition.application import Application
from tests.conditions import SOON_S, subscription_count, wait_until
from tests.live_server import OwnerSql
from tests.phoenix_client import phoenix_client, tasks_binding
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_join_reply_echoes_the_bindings_with_ids(address: str, api_key: str, user: ApiUser) -> None:
    bindings = [
        tasks_binding(filter=""),
        tasks_binding(filter="status=eq.todo", extra=[1]),
        tasks_binding(filter=""),
    ]
    async with phoenix_client(address, api_key) as client:
        reply = await client.join("any", user.token, *bindings)
        system = await client.receive("system")

    assert reply["status"] == "ok"
    ids = [echo.pop("id") for echo in reply["postgres_changes"]]
    assert reply["postgres_changes"] == bindings
    assert all(type(id) is int and id > 0 for id in ids)
    assert ids[0] == ids[2] != ids[1]
    assert {name: value for name, value in system["payload"].items() if name != "message"} == {
        "extension": "postgres_changes",
        "status": "ok",
        "channel": "any",
    }


async def test_binding_without_a_filter_covers_every_visible_project_even_later_ones(
    program: Application, address: str, api_key: str, users: UserFactory, user: ApiUser
) -> None:
    visible_project = await user.create_project()
    viewer = await users.create_member(visible_project, user, "viewer")
    hidden_project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        await client.join("all", viewer.token, tasks_binding(), {"event": "*", "schema": "public", "table": "projects"})
        await user.create_task(hidden_project, title="Hidden")
        await user.create_task(visible_project, title="Seen")
        visible_change = await client.receive_change()
        await user.create(f"/projects/{hidden_project['id']}/members", {"userId": str(viewer.id)})
        await wait_until(lambda: subscription_count(program.realtime.hub, hidden_project) > 0)
        await user.create_task(hidden_project, title="Let in")
        later_change = await client.receive_change()
        own_project = await viewer.create_project(name="Own")
        project_change = await client.receive_change()

    assert visible_change["record"]["title"] == "Seen"
    assert later_change["record"]["title"] == "Let in"
    assert (project_change["table"], project_change["record"]["name"]) == ("projects", "Own")
    assert project_change["record"]["id"] == own_project["id"]


async def test_admin_receives_projects_created_by_anyone(
    address: str, api_key: str, users: UserFactory, user: ApiUser, owner_sql: OwnerSql
) -> None:
    admin = await users.create("Root", is_admin=True)
    async with phoenix_client(address, api_key) as client:
        await client.join("all", admin.token, {"event": "INSERT", "schema": "public", "table": "projects"})
        [row] = await owner_sql(
            "insert into public.projects (name, owner_id) values ('By psql', $1) returning id", user.id
        )
        change = await client.receive_change()

    assert change["record"]["id"] == str(row["id"])


async def test_outsider_receives_no_change_not_even_deletions(
    address: str, api_key: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    outsider = await users.create("Eve")
    async with phoenix_client(address, api_key) as client:
        for topic, token in (("a", outsider.token), ("b", api_key)):
            bindings = (tasks_binding(), tasks_binding(filter=f"project_id=eq.{project['id']}"))
            assert (await client.join(topic, token, *bindings))["status"] == "ok"
        task = await user.create_task(project)
        await user.delete(f"/tasks/{task['id']}")

        assert await client.receives_no("postgres_changes", 1.3)


async def test_removed_member_receives_no_later_change(
    address: str, api_key: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member")
    async with phoenix_client(address, api_key) as client:
        await client.join("a", member.token, tasks_binding())
        await user.delete(f"/projects/{project['id']}/members/{member.id}")
        await user.create_task(project)

        assert await client.receives_no("postgres_changes", 1.3)


async def test_join_with_since_replays_missed_changes(
    address: str, api_key: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    viewer = await users.create_member(project, user, "viewer")
    async with phoenix_client(address, api_key) as client:
        await client.join("a", viewer.token, tasks_binding())
        await user.create_task(project, title="Heard")
        resume_token = (await client.receive_change())["resumeToken"]
    later_project = await user.create_project()
    await user.create_task(project, title="Missed")
    await user.create(f"/projects/{later_project['id']}/members", {"userId": str(viewer.id)})
    await user.create_task(later_project, title="Missed there")
    async with phoenix_client(address, api_key) as client:
        reply = await client.join("a", viewer.token, tasks_binding(), since=resume_token)
        titles = {(await client.receive_change())["record"]["title"] for _ in range(2)}

    assert reply["resumed"] is True
    assert titles == {"Missed", "Missed there"}


@pytest.mark.parametrize("since", ["junk", "", 5, "WzFd", "W1sicHJvamVjdCIsIngiLDFdXQ"])
async def test_invalid_resume_token_is_refused(address: str, api_key: str, user: ApiUser, since: Any) -> None:
    async with phoenix_client(address, api_key) as client:
        reply = await client.join("a", user.token, tasks_binding(), since=since)

    assert reply["status"] == "error"
    assert reply["reason"].startswith("InvalidResumeToken: ")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("junk", "MalformedJWT: The token provided is not a valid JWT"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.x",
            "InvalidJWTToken: Fields `role` and `exp` are required in JWT",
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiIsImV4cCI6NDg3MDAwMDAwMH0.x",
            "JwtSignatureError: Failed to",
        ),
        ("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiIsImV4cCI6MX0.x", "InvalidJWTToken: Token has expired"),
    ],
)
async def test_invalid_token_is_refused_with_the_message_of_supabase(
    address: str, api_key: str, token: str, reason: str
) -> None:
    async with phoenix_client(address, api_key) as client:
        reply = await client.join("a", token)

    assert reply["status"] == "error"
    assert reply["reason"].startswith(reason)


async def test_access_token_message_grants_access_without_losing_changes(
    program: Application, address: str, api_key: str, user: ApiUser
) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        await client.join("a", api_key, tasks_binding())
        await client.push("a", "access_token", {"access_token": user.token})
        await wait_until(lambda: subscription_count(program.realtime.hub, project) > 0)
        await user.create_task(project, title="Now")

        assert (await client.receive_change())["record"]["title"] == "Now"


async def test_channel_closes_with_a_reason_when_the_session_ends(
    address: str, api_key: str, users: UserFactory, user: ApiUser
) -> None:
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, tasks_binding())
        await client.receive("system")
        started_at = time.monotonic()
        await users.end_session(user)
        system, close = await client.receive("system"), await client.receive("phx_close")

    assert (system["payload"]["extension"], system["payload"]["status"]) == ("system", "error")
    assert close["payload"] == {}
    assert time.monotonic() - started_at < SOON_S


async def test_leave_is_answered_and_closes_the_channel(address: str, api_key: str) -> None:
    async with phoenix_client(address, api_key) as client:
        await client.join("room", api_key)
        ref = await client.push("room", "phx_leave", {})
        reply, close = await client.receive("phx_reply"), await client.receive("phx_close")

    assert (reply["ref"], reply["payload"]["status"]) == (ref, "ok")
    assert close["payload"] == {}
