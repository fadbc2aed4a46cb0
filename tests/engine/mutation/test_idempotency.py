"""Idempotency-Key: a create that is sent twice is executed once."""

from __future__ import annotations

import asyncio

import pytest

from monynha.core.actor import system_actor
from tests.project_team import create_project_team
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

IDEMPOTENCY_HEADER = {"Idempotency-Key": "a key"}


async def test_replay_returns_the_same_response_and_creates_nothing(user: ApiUser) -> None:
    first = await user.post("/projects", {"name": "Once"}, headers=IDEMPOTENCY_HEADER)
    again = await user.post("/projects", {"data": {"name": "Once"}}, headers=IDEMPOTENCY_HEADER)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for header in ("location", "etag"):
        assert first.headers[header] == again.headers[header]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await user.get("/projects")).json()["data"]) == 1


async def test_replay_returns_the_row_as_it_is_now(user: ApiUser) -> None:
    first = await user.post("/posts", {"title": "Once", "content": ""}, headers=IDEMPOTENCY_HEADER)
    path = first.headers["location"].removeprefix("/api/v1")
    await user.put(path, {"title": "Changed"})

    changed = await user.post("/posts", {"title": "Once", "content": ""}, headers=IDEMPOTENCY_HEADER)
    await user.delete(path)
    gone = await user.post("/posts", {"title": "Once", "content": ""}, headers=IDEMPOTENCY_HEADER)

    assert changed.json()["data"]["title"] == "Changed"
    assert gone.status_code == 404
    assert (await user.get("/users/me/posts")).json()["data"] == []


async def test_replay_shows_only_what_the_caller_may_still_see(users: UserFactory) -> None:
    team = await create_project_team(users)
    member = await team.actor("member")
    await member.post(f"{team.path}/tasks", {"title": "Secret soon"}, headers=IDEMPOTENCY_HEADER)
    await team.owner.delete(f"{team.path}/members/{member.id}")

    response = await member.post(f"{team.path}/tasks", {"title": "Secret soon"}, headers=IDEMPOTENCY_HEADER)

    assert response.status_code == 404
    assert "Secret" not in response.text


async def test_key_with_another_body_is_rejected(user: ApiUser) -> None:
    await user.post("/projects", {"name": "Once"}, headers=IDEMPOTENCY_HEADER)

    other = await user.post("/projects", {"name": "Other"}, headers=IDEMPOTENCY_HEADER)
    more = await user.post("/projects", {"name": "Once", "description": None}, headers=IDEMPOTENCY_HEADER)

    for response in (other, more):
        assert (response.status_code, [*response.json()["error"]["details"]]) == (422, ["Idempotency-Key"])
    assert len((await user.get("/projects")).json()["data"]) == 1


async def test_body_with_reordered_keys_is_the_same_body(user: ApiUser) -> None:
    first = await user.post("/posts", {"title": "x", "content": "y"}, headers=IDEMPOTENCY_HEADER)
    again = await user.post("/posts", {"content": "y", "title": "x"}, headers=IDEMPOTENCY_HEADER)

    assert first.json() == again.json()


async def test_failed_create_does_not_use_up_the_key(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    other_user = await users.create("Grace")
    path, body = f"/projects/{project['id']}/tasks", {"title": "x", "assigneeId": str(other_user.id)}

    invalid = await user.post(path, {"title": ""}, headers=IDEMPOTENCY_HEADER)
    refused = await user.post(path, body, headers=IDEMPOTENCY_HEADER)
    await user.create(f"/projects/{project['id']}/members", {"userId": str(other_user.id)})
    done = await user.post(path, body, headers=IDEMPOTENCY_HEADER)

    assert (invalid.status_code, refused.status_code, done.status_code) == (422, 422, 201)
    assert "idempotency-replayed" not in done.headers


async def test_key_is_scoped_to_its_user_and_path(user: ApiUser, users: UserFactory) -> None:
    other_user = await users.create("Grace")
    project = await user.create_project()

    responses = [
        await user.post("/projects", {"name": "Mine"}, headers=IDEMPOTENCY_HEADER),
        await other_user.post("/projects", {"name": "Hers"}, headers=IDEMPOTENCY_HEADER),
        await user.post("/posts", {"title": "x", "content": ""}, headers=IDEMPOTENCY_HEADER),
        await user.post(f"/projects/{project['id']}/tasks", {"title": "x"}, headers=IDEMPOTENCY_HEADER),
        await user.post("/projects", {"name": "Mine"}, headers={"Idempotency-Key": "A key"}),
    ]

    assert [answer.status_code for answer in responses] == [201] * 5
    assert not any("idempotency-replayed" in answer.headers for answer in responses)


@pytest.mark.parametrize("same", [True, False])
async def test_concurrent_creates_with_one_key_create_one_row(user: ApiUser, same: bool) -> None:
    bodies = [{"name": "Once" if same else f"Once {count}"} for count in range(12)]

    responses = await asyncio.gather(*(user.post("/projects", body, headers=IDEMPOTENCY_HEADER) for body in bodies))

    projects = (await user.get("/projects")).json()["data"]
    assert len(projects) == 1
    expected = [201] * 12 if same else [201] + [422] * 11
    assert sorted(answer.status_code for answer in responses) == expected
    created = [answer for answer in responses if answer.status_code == 201]
    assert {answer.json()["data"]["id"] for answer in created} == {projects[0]["id"]}
    assert sum("idempotency-replayed" in answer.headers for answer in created) == len(created) - 1


async def test_waiting_create_is_executed_if_the_first_fails(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    other_user = await users.create("Grace")
    path = f"/projects/{project['id']}/members"
    await user.create(path, {"userId": str(other_user.id)})
    body = {"userId": str(other_user.id)}

    responses = await asyncio.gather(*(user.post(path, body, headers=IDEMPOTENCY_HEADER) for _ in range(8)))

    assert {answer.status_code for answer in responses} == {409}


async def test_create_with_a_lookup_is_replayed(user: ApiUser, users: UserFactory) -> None:
    project = await user.create_project()
    other_user = await users.create("Grace")
    path = f"/projects/{project['id']}/members"

    for body in ({"email": other_user.email},):
        first = await user.post(path, body, headers=IDEMPOTENCY_HEADER)
        again = await user.post(path, body, headers=IDEMPOTENCY_HEADER)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert first.headers["location"] == again.headers["location"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut", "\x7f"])
async def test_malformed_key_is_rejected(user: ApiUser, key: str) -> None:
    sent = {"Idempotency-Key": key.encode("latin-1")}

    response = await user.post("/projects", {"name": "x"}, headers=sent)

    assert (response.status_code, [*response.json()["error"]["details"]]) == (400, ["Idempotency-Key"])
    assert (await user.get("/projects")).json()["data"] == []


@pytest.mark.parametrize("key", ["x", "x" * 255, "'; drop table tasks; --", "a, b", "~!@#$%^&*()"])
async def test_any_printable_key_is_accepted(user: ApiUser, key: str) -> None:
    sent = {"Idempotency-Key": key}

    first = await user.post("/projects", {"name": "x"}, headers=sent)
    again = await user.post("/projects", {"name": "x"}, headers=sent)

    assert first.json() == again.json()


async def test_key_expires_after_a_day(user: ApiUser, users: UserFactory) -> None:
    first = await user.post("/projects", {"name": "x"}, headers=IDEMPOTENCY_HEADER)
    async with users.database.as_actor(system_actor("test")).transaction() as transaction:
        await transaction.execute("set local role monynha_owner")
        await transaction.execute(
            "update monynha.idempotency_keys set created_at = now() - interval '25 hours' where user_id = $1",
            user.id,
        )

    again = await user.post("/projects", {"name": "y"}, headers=IDEMPOTENCY_HEADER)

    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotency-replayed" not in again.headers
    assert again.content == (await user.post("/projects", {"name": "y"}, headers=IDEMPOTENCY_HEADER)).content
    assert len((await user.get("/projects")).json()["data"]) == 2


async def test_key_of_an_update_is_ignored(user: ApiUser) -> None:
    project = await user.create_project()

    for name in ("One", "Two"):
        response = await user.put(f"/projects/{project['id']}", {"name": name}, headers=IDEMPOTENCY_HEADER)
        assert name == response.json()["data"]["name"]
