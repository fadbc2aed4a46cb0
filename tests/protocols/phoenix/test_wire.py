"""The Phoenix wire itself: what official clients rely on, message by message, and what becomes of junk."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from monynha.app.commands.keys import make_key
from monynha.core.settings import Settings
from tests.live import PATIENCE_S
from tests.people import People, Person

pytestmark = pytest.mark.anyio


@dataclass
class Phoenix:
    """A socket that speaks 1.0.0."""

    connection: ClientConnection
    count: int = 0

    async def push(self, topic: str, event: str, payload: Any) -> str:
        """Say something and return its ref."""
        self.count += 1
        ref = str(self.count)
        await self.connection.send(
            json.dumps({"topic": f"realtime:{topic}", "event": event, "payload": payload, "ref": ref})
        )
        return ref

    async def hear(self, event: str | None = None) -> dict[str, Any]:
        """Return the next message, or the next of an event."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                assert {"topic", "event", "payload", "ref"} == message.keys()
                assert isinstance(message["payload"], dict)
                if event is None or message["event"] == event:
                    return message

    async def join(self, topic: str, token: str, *changes: Any, **config: Any) -> dict[str, Any]:
        """Join and return the answer's response."""
        given = {"config": {"postgres_changes": list(changes), **config}, "access_token": token}
        ref = await self.push(topic, "phx_join", given)
        answer = await self.hear("phx_reply")
        assert ref == answer["ref"]
        response: dict[str, Any] = {"status": answer["payload"]["status"], **answer["payload"]["response"]}
        return response

    async def change(self) -> dict[str, Any]:
        """Return the next change's data, with its ids."""
        payload = (await self.hear("postgres_changes"))["payload"]
        return {"ids": payload["ids"], **payload["data"]}

    async def hears_no(self, event: str, seconds: float = 0.4) -> bool:
        """Whether no such message comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                while json.loads(await self.connection.recv())["event"] != event:
                    pass
        except TimeoutError:
            return True
        return False


@pytest.fixture
def key(settings: Settings) -> str:
    return make_key("anon", settings.jwt_secret)


@asynccontextmanager
async def phoenix(address: str, key: str) -> AsyncIterator[Phoenix]:
    """Open a socket."""
    async with connect(f"ws://{address}/realtime/v1/websocket?apikey={key}&vsn=1.0.0") as connection:
        yield Phoenix(connection)


def tasks(**more: Any) -> dict[str, Any]:
    return {"event": "*", "schema": "public", "table": "tasks", **more}


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


FILTERS = [
    ("status=eq.done", True),
    ("status=neq.done", False),
    ("status=in.(todo,done)", True),
    ("status=not.in.(todo,done)", False),
    ('status=in.("done")', True),
    ("title=like.Wr%", True),
    ("title=like.wr%", False),
    ("title=ilike.wr_te%", True),
    ("title=match.^W.*e$", True),
    ("title=imatch.^w", True),
    ("title=not.match.^W", False),
    ("due_date=is.null", True),
    ("due_date=not.is.null", False),
    ("due_date=gt.2020-01-01", False),
    ("created_at=gt.2020-01-01T00:00:00Z", True),
    ("created_at=lte.2020-01-01 00:00:00+00", False),
    ("assignee_id=isdistinct.00000000-0000-4000-8000-000000000000", True),
    ("version=gte.1,status=eq.done", True),
    ("version=gt.1,status=eq.done", False),
    ("tags=eq.{a,b}", True),
    ("title=gt.A", True),
    ("title=lt.A", False),
]


@pytest.mark.parametrize(("text", "matches"), FILTERS)
async def test_filters_choose_as_sql_would(
    address: str, key: str, ada: Person, text: str, matches: bool
) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, tasks(filter=text), tasks(filter="title=eq.End"))
        system = await socket.hear("system")
        await ada.task(project, title="Write", status="done", tags=["a", "b"])
        await ada.task(project, title="End")

        first = await socket.change()

    assert "ok" == system["payload"]["status"], system
    assert ("Write" if matches else "End") == first["record"]["title"]


@pytest.mark.parametrize(
    "text",
    [
        "nonsense=eq.1",
        "status",
        "status=between.1",
        "project_id=eq.x",
        "version=eq.x",
        "status=in.a",
        "title=match.(",
        "password_hash=eq.x",
        "status=eq.done' or '1'='1,x",
        f"status=in.({','.join('a' * 1 for _ in range(101))})",
        5,
    ],
)
async def test_a_filter_that_cannot_be_read_is_told(address: str, key: str, ada: Person, text: Any) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        answer = await socket.join("a", ada.token, tasks(filter=text))
        system = await socket.hear("system")
        await ada.task(project)

        assert "ok" == answer["status"]
        assert "error" == system["payload"]["status"]
        assert await socket.hears_no("postgres_changes")


async def test_only_the_columns_that_are_selected_come(address: str, key: str, ada: Person) -> None:
    project = await ada.project()
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, tasks(select=["title"]))
        await ada.task(project)
        change = await socket.change()

    assert {"id", "title"} == change["record"].keys() == {one["name"] for one in change["columns"]}


@pytest.mark.parametrize("table", ["users", "idempotency_keys", "nonsense"])
async def test_what_is_not_published_cannot_be_heard(address: str, key: str, ada: Person, table: str) -> None:
    async with phoenix(address, key) as socket:
        await socket.join("a", ada.token, {"event": "*", "schema": "public", "table": table})

        assert "error" == (await socket.hear("system"))["payload"]["status"]


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


async def test_broadcasts_reach_the_others_of_a_topic(address: str, key: str, ada: Person) -> None:
    async with phoenix(address, key) as one, phoenix(address, key) as two:
        await one.join("room", ada.token, broadcast={"ack": True, "self": False})
        await two.join("room", key)
        ref = await one.push("room", "broadcast", {"type": "broadcast", "event": "wave", "payload": {"n": 1}})
        heard = await two.hear("broadcast")
        acknowledged = await one.hear("phx_reply")

        assert {"type": "broadcast", "event": "wave", "payload": {"n": 1}} == heard["payload"]
        assert ref == acknowledged["ref"]
        assert await one.hears_no("broadcast")


async def test_private_rooms_are_for_those_who_see_what_they_name(
    address: str, key: str, people: People, ada: Person
) -> None:
    project = await ada.project()
    bob, eve = await people.member(project, ada, "viewer"), await people.new("Eve")
    room = f"project-{project['id']}-chat"
    async with phoenix(address, key) as hers, phoenix(address, key) as his, phoenix(address, key) as public:
        joined = [
            (await hers.join(room, ada.token, private=True))["status"],
            (await his.join(room, bob.token, private="true"))["status"],
            (await public.join(room, eve.token, private=True))["status"],
            (await public.join("secret", eve.token, private=True))["status"],
            (await public.join(room, eve.token))["status"],
        ]
        await hers.push(room, "broadcast", {"type": "broadcast", "event": "a", "payload": {}})
        heard = await his.hear("broadcast")
        unheard = await public.hears_no("broadcast")
        await ada.delete(f"/projects/{project['id']}/members/{bob.id}")
        await his.hear("phx_close")

    assert ["ok", "ok", "error", "error", "ok"] == joined
    assert "a" == heard["payload"]["event"]
    assert unheard


async def test_presence_tells_who_is_there_who_comes_and_who_leaves(
    address: str, key: str, ada: Person
) -> None:
    async with phoenix(address, key) as one:
        await one.join("room", ada.token, presence={"key": "ada", "enabled": True})
        empty = await one.hear("presence_state")
        await one.push("room", "presence", {"type": "presence", "event": "track", "payload": {"at": 1}})
        came = await one.hear("presence_diff")
        async with phoenix(address, key) as two:
            await two.join("room", key, presence={"key": "bob"})
            state = await two.hear("presence_state")
            await two.push("room", "presence", {"type": "presence", "event": "TRACK", "payload": {}})
            joined = await one.hear("presence_diff")
        left = await one.hear("presence_diff")
        ref = await one.push("room", "presence", {"type": "presence", "event": "track", "payload": [1]})
        while (refused := await one.hear("phx_reply"))["ref"] != ref:
            pass

    assert {} == empty["payload"]
    assert [1] == [meta["at"] for meta in came["payload"]["joins"]["ada"]["metas"]]
    assert ["ada"] == list(state["payload"])
    assert (["bob"], []) == (list(joined["payload"]["joins"]), list(joined["payload"]["leaves"]))
    assert ([], ["bob"]) == (list(left["payload"]["joins"]), list(left["payload"]["leaves"]))
    assert "error" == refused["payload"]["status"]


async def test_a_broadcast_by_http_reaches_the_room(
    address: str, key: str, ada: Person, client: httpx.AsyncClient
) -> None:
    async with phoenix(address, key) as socket:
        await socket.join("room", key)
        headers = {"apikey": key}
        messages = {"messages": [{"topic": "room", "event": "a", "payload": {"n": 1}}]}
        batch = await client.post("/realtime/v1/api/broadcast", json=messages, headers=headers)
        heard = await socket.hear("broadcast")
        path = "/realtime/v1/api/broadcast/room/events/b"
        one = await client.post(path, json={"n": 2}, headers=headers)
        second = await socket.hear("broadcast")
        private = await client.post(f"{path}?private=true", json={}, headers=headers)
        blank = await client.post(
            "/realtime/v1/api/broadcast", json={"messages": [{"event": "a", "payload": {}}]}, headers=headers
        )
        nobody = await client.post("/realtime/v1/api/broadcast", json=messages)

    assert (202, b"") == (batch.status_code, batch.content)
    assert ("a", {"n": 1}) == (heard["payload"]["event"], heard["payload"]["payload"])
    assert (202, {"n": 2}) == (one.status_code, second["payload"]["payload"])
    assert [403, 422, 401] == [private.status_code, blank.status_code, nobody.status_code]
    assert {"errors": {"messages": [{"topic": ["can't be blank"]}]}} == blank.json()


async def test_binary_broadcasts_of_the_second_version_are_heard_by_both(
    address: str, key: str, ada: Person
) -> None:
    url = f"ws://{address}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"
    async with connect(url) as second, phoenix(address, key) as first, connect(url) as third:
        await first.join("room", key)
        for one in (second, third):
            await one.send(json.dumps(["1", "1", "realtime:room", "phx_join", {"access_token": key}]))
            assert ["1", "1", "realtime:room", "phx_reply"] == json.loads(await one.recv())[:4]
            assert "presence_state" == json.loads(await one.recv())[3]
        head = [b"1", b"2", b"realtime:room", "grüße".encode(), b""]
        for is_json, payload in ((1, '{"ü": 1}'.encode()), (0, b"\x00\xff")):
            sizes = bytes(len(one) for one in head)
            await second.send(bytes((3,)) + sizes + bytes((is_json,)) + b"".join(head) + payload)
        told = (await first.hear("broadcast"))["payload"]
        text, raw = json.loads(await third.recv()), await third.recv()
        silent = await first.hears_no("broadcast")

    assert {"type": "broadcast", "event": "grüße", "payload": {"ü": 1}} == told == text[4]
    assert [None, None, "realtime:room", "broadcast"] == text[:4]
    assert isinstance(raw, bytes)
    assert (4, b"\x00\xff") == (raw[0], raw[-2:])
    assert silent


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
