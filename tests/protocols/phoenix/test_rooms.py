"""Broadcasts and presence: who is in a room hears what is said there."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.people import People, Person
from tests.phoenix import phoenix

pytestmark = pytest.mark.anyio


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
