"""Idempotency-Key: a create that is sent twice happens once."""

from __future__ import annotations

import asyncio

import pytest

from monynha.core.actor import system
from tests.casts import cast
from tests.people import People, Person

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "a key"}


async def test_a_replay_answers_the_same_and_creates_nothing(ada: Person) -> None:
    first = await ada.post("/projects", {"name": "Once"}, headers=KEY)
    again = await ada.post("/projects", {"data": {"name": "Once"}}, headers=KEY)

    assert (201, 201) == (first.status_code, again.status_code)
    assert first.content == again.content
    for header in ("location", "etag"):
        assert first.headers[header] == again.headers[header]
    assert "idempotency-replayed" not in first.headers
    assert "true" == again.headers["idempotency-replayed"]
    assert 1 == len((await ada.get("/projects")).json()["data"])


async def test_a_replay_answers_what_there_is_now(ada: Person) -> None:
    first = await ada.post("/posts", {"title": "Once", "content": ""}, headers=KEY)
    path = first.headers["location"].removeprefix("/api/v1")
    await ada.put(path, {"title": "Changed"})

    changed = await ada.post("/posts", {"title": "Once", "content": ""}, headers=KEY)
    await ada.delete(path)
    gone = await ada.post("/posts", {"title": "Once", "content": ""}, headers=KEY)

    assert "Changed" == changed.json()["data"]["title"]
    assert 404 == gone.status_code
    assert [] == (await ada.get("/users/me/posts")).json()["data"]


async def test_a_replay_shows_only_what_the_asker_may_see_now(people: People) -> None:
    of = await cast(people)
    member = await of.actor("member")
    await member.post(f"{of.path}/tasks", {"title": "Secret soon"}, headers=KEY)
    await of.owner.delete(f"{of.path}/members/{member.id}")

    answer = await member.post(f"{of.path}/tasks", {"title": "Secret soon"}, headers=KEY)

    assert 404 == answer.status_code
    assert "Secret" not in answer.text


async def test_the_same_key_with_another_body_is_refused(ada: Person) -> None:
    await ada.post("/projects", {"name": "Once"}, headers=KEY)

    other = await ada.post("/projects", {"name": "Other"}, headers=KEY)
    more = await ada.post("/projects", {"name": "Once", "description": None}, headers=KEY)

    for answer in (other, more):
        assert (422, ["Idempotency-Key"]) == (answer.status_code, [*answer.json()["error"]["details"]])
    assert 1 == len((await ada.get("/projects")).json()["data"])


async def test_the_order_of_a_bodys_keys_is_no_other_body(ada: Person) -> None:
    first = await ada.post("/posts", {"title": "x", "content": "y"}, headers=KEY)
    again = await ada.post("/posts", {"content": "y", "title": "x"}, headers=KEY)

    assert first.json() == again.json()


async def test_a_failure_is_not_kept(ada: Person, people: People) -> None:
    project = await ada.project()
    grace = await people.new("Grace")
    path, body = f"/projects/{project['id']}/tasks", {"title": "x", "assigneeId": str(grace.id)}

    invalid = await ada.post(path, {"title": ""}, headers=KEY)
    refused = await ada.post(path, body, headers=KEY)
    await ada.made(f"/projects/{project['id']}/members", {"userId": str(grace.id)})
    done = await ada.post(path, body, headers=KEY)

    assert (422, 422, 201) == (invalid.status_code, refused.status_code, done.status_code)
    assert "idempotency-replayed" not in done.headers


async def test_a_key_counts_for_its_user_and_address_alone(ada: Person, people: People) -> None:
    grace = await people.new("Grace")
    project = await ada.project()

    answers = [
        await ada.post("/projects", {"name": "Mine"}, headers=KEY),
        await grace.post("/projects", {"name": "Hers"}, headers=KEY),
        await ada.post("/posts", {"title": "x", "content": ""}, headers=KEY),
        await ada.post(f"/projects/{project['id']}/tasks", {"title": "x"}, headers=KEY),
        await ada.post("/projects", {"name": "Mine"}, headers={"Idempotency-Key": "A key"}),
    ]

    assert [201] * 5 == [answer.status_code for answer in answers]
    assert not any("idempotency-replayed" in answer.headers for answer in answers)


@pytest.mark.parametrize("same", [True, False])
async def test_racing_twins_create_one_row(ada: Person, same: bool) -> None:
    bodies = [{"name": "Once" if same else f"Once {count}"} for count in range(12)]

    answers = await asyncio.gather(*(ada.post("/projects", body, headers=KEY) for body in bodies))

    found = (await ada.get("/projects")).json()["data"]
    assert 1 == len(found)
    expected = [201] * 12 if same else [201] + [422] * 11
    assert expected == sorted(answer.status_code for answer in answers)
    created = [answer for answer in answers if answer.status_code == 201]
    assert {found[0]["id"]} == {answer.json()["data"]["id"] for answer in created}
    assert len(created) - 1 == sum("idempotency-replayed" in answer.headers for answer in created)


async def test_a_twin_takes_over_where_the_first_fails(ada: Person, people: People) -> None:
    project = await ada.project()
    grace = await people.new("Grace")
    path = f"/projects/{project['id']}/members"
    await ada.made(path, {"userId": str(grace.id)})
    body = {"userId": str(grace.id)}

    answers = await asyncio.gather(*(ada.post(path, body, headers=KEY) for _ in range(8)))

    assert {409} == {answer.status_code for answer in answers}


async def test_a_member_is_replayed_too(ada: Person, people: People) -> None:
    project = await ada.project()
    grace = await people.new("Grace")
    path = f"/projects/{project['id']}/members"

    for body in ({"email": grace.email},):
        first = await ada.post(path, body, headers=KEY)
        again = await ada.post(path, body, headers=KEY)

        assert (201, 201) == (first.status_code, again.status_code)
        assert first.content == again.content
        assert first.headers["location"] == again.headers["location"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut", "\x7f"])
async def test_a_key_that_cannot_be_read_is_refused(ada: Person, key: str) -> None:
    sent = {"Idempotency-Key": key.encode("latin-1")}

    answer = await ada.post("/projects", {"name": "x"}, headers=sent)

    assert (400, ["Idempotency-Key"]) == (answer.status_code, [*answer.json()["error"]["details"]])
    assert [] == (await ada.get("/projects")).json()["data"]


@pytest.mark.parametrize("key", ["x", "x" * 255, "'; drop table tasks; --", "a, b", "~!@#$%^&*()"])
async def test_any_printable_key_is_taken(ada: Person, key: str) -> None:
    sent = {"Idempotency-Key": key}

    first = await ada.post("/projects", {"name": "x"}, headers=sent)
    again = await ada.post("/projects", {"name": "x"}, headers=sent)

    assert first.json() == again.json()


async def test_a_key_is_forgotten_after_a_day(ada: Person, people: People) -> None:
    first = await ada.post("/projects", {"name": "x"}, headers=KEY)
    async with people.database.acting(system("test")).transaction() as transaction:
        await transaction.run("set local role monynha_owner")
        await transaction.run(
            "update monynha.idempotency_keys set created_at = now() - interval '25 hours' where user_id = $1",
            ada.id,
        )

    again = await ada.post("/projects", {"name": "y"}, headers=KEY)

    assert (201, 201) == (first.status_code, again.status_code)
    assert "idempotency-replayed" not in again.headers
    assert again.content == (await ada.post("/projects", {"name": "y"}, headers=KEY)).content
    assert 2 == len((await ada.get("/projects")).json()["data"])


async def test_a_key_on_a_change_means_nothing(ada: Person) -> None:
    project = await ada.project()

    for name in ("One", "Two"):
        answer = await ada.put(f"/projects/{project['id']}", {"name": name}, headers=KEY)
        assert name == answer.json()["data"]["name"]
