"""Joining, hearing, coming back and leaving: what official clients rely on, message by message."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.live import OwnerSql
from tests.people import People, Person
from tests.phoenix import phoenix, tasks

pytestmark = pytest.mark.anyio


async def test_a_join_echoes_its_bindings_as_they_are(address: str, key: str, ada: Person) -> None:
    bindings = [tasks(filter=""), tasks(filter="status=eq.todo", extra=[1]), tasks(filter="")]
    async with phoenix(address, key) as socket:
        answer = await socket.join("any", ada.token, *bindings)
        system = await socket.hear("system")

    assert "ok" == answer["status"]
    assert bindings == [
        {name: value for name, value in one.items() if name != "id"} for one in answer["postgres_changes"]
    ]
    ids = [one["id"] for one in answer["postgres_changes"]]
    assert all(type(one) is int and one for one in ids)
    assert ids[0] == ids[2] != ids[1]
    assert {"extension": "postgres_changes", "status": "ok", "channel": "any"} == {
        name: value for name, value in system["payload"].items() if name != "message"
    }


async def test_without_a_filter_all_that_is_seen_is_heard_and_what_comes_later(
    address: str, key: str, people: People, ada: Person
) -> None:
    first = await ada.project()
    bob = await people.member(first, ada, "viewer")
    hidden = await ada.project()
    async with phoenix(address, key) as socket:
        await socket.join("all", bob.token, tasks(), {"event": "*", "schema": "public", "table": "projects"})
        await ada.task(hidden, title="Hidden")
        await ada.task(first, title="Seen")
        seen = await socket.change()
        await ada.made(f"/projects/{hidden['id']}/members", {"userId": str(bob.id)})
        await asyncio.sleep(0.3)
        await ada.task(hidden, title="Let in")
        let_in = await socket.change()
        own = await bob.project(name="Own")
        created = await socket.change()

    assert "Seen" == seen["record"]["title"]
    assert "Let in" == let_in["record"]["title"]
    assert ("projects", "Own") == (created["table"], created["record"]["name"])
    assert own["id"] == created["record"]["id"]


async def test_an_admin_hears_of_new_projects_whoever_makes_them(
    address: str, key: str, people: People, ada: Person, owner_sql: OwnerSql
) -> None:
    admin = await people.new("Root", is_admin=True)
    async with phoenix(address, key) as socket:
        await socket.join("all", admin.token, {"event": "INSERT", "schema": "public", "table": "projects"})
        [made] = await owner_sql(
            "insert into public.projects (name, owner_id) values ('By psql', $1) returning id", ada.id
        )
        heard = await socket.change()

    assert str(made["id"]) == heard["record"]["id"]


async def test_outsiders_hear_nothing_deletions_included(
    address: str, key: str, people: People, ada: Person
) -> None:
    project = await ada.project()
    eve = await people.new("Eve")
    async with phoenix(address, key) as socket:
        for topic, token in (("a", eve.token), ("b", key)):
            bindings = (tasks(), tasks(filter=f"project_id=eq.{project['id']}"))
            assert "ok" == (await socket.join(topic, token, *bindings))["status"]
        task = await ada.task(project)
        await ada.delete(f"/tasks/{task['id']}")

        assert await socket.hears_no("postgres_changes", 1.3)


async def test_the_removed_hear_nothing_later(address: str, key: str, people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    async with phoenix(address, key) as socket:
        await socket.join("a", bob.token, tasks())
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        await ada.task(project)

        assert await socket.hears_no("postgres_changes", 1.3)


async def test_what_was_missed_is_heard_after_a_join_with_since(
    address: str, key: str, people: People, ada: Person
) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "viewer")
    async with phoenix(address, key) as socket:
        await socket.join("a", bob.token, tasks())
        await ada.task(project, title="Heard")
        position = (await socket.change())["position"]
    later = await ada.project()
    await ada.task(project, title="Missed")
    await ada.made(f"/projects/{later['id']}/members", {"userId": str(bob.id)})
    await ada.task(later, title="Missed there")
    async with phoenix(address, key) as socket:
        answer = await socket.join("a", bob.token, tasks(), since=position)
        missed = {(await socket.change())["record"]["title"] for _ in range(2)}

    assert answer["resumed"] is True
    assert {"Missed", "Missed there"} == missed


@pytest.mark.parametrize("since", ["junk", "", 5, "W10", "WzFd", "W1sicHJvamVjdCIsIngiLDFdXQ"])
async def test_a_position_that_is_none_is_refused(address: str, key: str, ada: Person, since: Any) -> None:
    async with phoenix(address, key) as socket:
        answer = await socket.join("a", ada.token, tasks(), since=since)

    expected = "ok" if since == "W10" else "error"
    assert expected == answer["status"]


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
async def test_bad_tokens_are_told_in_the_clients_words(
    address: str, key: str, token: str, reason: str
) -> None:
    async with phoenix(address, key) as socket:
        answer = await socket.join("a", token)

    assert ("error", True) == (answer["status"], answer["reason"].startswith(reason)), answer


@pytest.mark.parametrize("query", ["", "?apikey=", "?apikey=junk"])
async def test_without_a_key_there_is_no_socket(address: str, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/realtime/v1/websocket{query}"):
            pass

    assert 401 == refused.value.response.status_code
    assert "error" in json.loads(refused.value.response.body or b"{}")


async def test_a_token_pushed_later_brings_rights_and_loses_nothing(
    address: str, key: str, ada: Person
) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        await socket.join("a", key, tasks())
        await socket.push("a", "access_token", {"access_token": ada.token})
        await asyncio.sleep(0.3)
        await ada.task(project, title="Now")

        assert "Now" == (await socket.change())["record"]["title"]


async def test_whoever_is_signed_out_hears_why_and_the_channel_closes(
    address: str, key: str, people: People, ada: Person
) -> None:
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, tasks())
        await socket.hear("system")
        started = time.monotonic()
        await people.end_session(ada)
        system, close = await socket.hear("system"), await socket.hear("phx_close")

    assert ("system", "error") == (system["payload"]["extension"], system["payload"]["status"])
    assert {} == close["payload"]
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "message",
    ["junk", "[]", "{}", '{"topic": 1, "event": "x"}', b"\x03", b"\x07abc", b"\x03\xff\xff\xff\xff\xff\x01"],
)
async def test_junk_is_answered_and_the_socket_stays(address: str, key: str, message: str | bytes) -> None:
    async with phoenix(address, key) as socket:
        await socket.connection.send(message)
        refused = await socket.hear()
        await socket.connection.send('{"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": null}')
        beat = await socket.hear()

    assert "error" == refused["payload"]["status"]
    assert {
        "topic": "phoenix",
        "event": "phx_reply",
        "payload": {"status": "ok", "response": {}},
        "ref": None,
    } == beat


async def test_too_many_channels_are_refused(address: str, key: str) -> None:
    async with phoenix(address, key) as socket:
        answers = [(await socket.join(f"room {number}", key))["status"] for number in range(101)]

    assert ["ok"] * 100 + ["error"] == answers


async def test_a_left_channel_is_answered_and_closed(address: str, key: str) -> None:
    async with phoenix(address, key) as socket:
        await socket.join("room", key)
        ref = await socket.push("room", "phx_leave", {})
        reply, close = await socket.hear("phx_reply"), await socket.hear("phx_close")

    assert (ref, "ok") == (reply["ref"], reply["payload"]["status"])
    assert {} == close["payload"]
