"""Broadcasts and presence in the rooms of topics, private ones included, by socket and by HTTP."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.phoenix_client import phoenix_client
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def test_broadcast_reaches_the_other_members_of_a_topic(address: str, api_key: str, user: ApiUser) -> None:
    async with phoenix_client(address, api_key) as sender, phoenix_client(address, api_key) as receiver:
        await sender.join("room", user.token, broadcast={"ack": True, "self": False})
        await receiver.join("room", api_key)
        ref = await sender.push("room", "broadcast", {"type": "broadcast", "event": "wave", "payload": {"n": 1}})
        broadcast = await receiver.receive("broadcast")
        reply = await sender.receive("phx_reply")

        assert broadcast["payload"] == {"type": "broadcast", "event": "wave", "payload": {"n": 1}}
        assert ref == reply["ref"]
        assert await sender.receives_no("broadcast")


async def test_private_topic_is_open_only_to_members_of_the_project_it_names(
    address: str, api_key: str, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    viewer, outsider = await users.create_member(project, user, "viewer"), await users.create("Eve")
    topic = f"project-{project['id']}-chat"
    async with (
        phoenix_client(address, api_key) as owner_client,
        phoenix_client(address, api_key) as viewer_client,
        phoenix_client(address, api_key) as outsider_client,
    ):
        statuses = [
            (await owner_client.join(topic, user.token, private=True))["status"],
            (await viewer_client.join(topic, viewer.token, private="true"))["status"],
            (await outsider_client.join(topic, outsider.token, private=True))["status"],
            (await outsider_client.join("secret", outsider.token, private=True))["status"],
            (await outsider_client.join(topic, outsider.token))["status"],
        ]
        await owner_client.push(topic, "broadcast", {"type": "broadcast", "event": "a", "payload": {}})
        broadcast = await viewer_client.receive("broadcast")
        is_silent = await outsider_client.receives_no("broadcast")
        await user.delete(f"/projects/{project['id']}/members/{viewer.id}")
        await viewer_client.receive("phx_close")

    assert statuses == ["ok", "ok", "error", "error", "ok"]
    assert broadcast["payload"]["event"] == "a"
    assert is_silent


async def test_presence_reports_state_joins_and_leaves(address: str, api_key: str, user: ApiUser) -> None:
    async with phoenix_client(address, api_key) as first:
        await first.join("room", user.token, presence={"key": "ada", "enabled": True})
        initial_state = await first.receive("presence_state")
        await first.push("room", "presence", {"type": "presence", "event": "track", "payload": {"at": 1}})
        track_diff = await first.receive("presence_diff")
        async with phoenix_client(address, api_key) as second:
            await second.join("room", api_key, presence={"key": "bob"})
            state = await second.receive("presence_state")
            await second.push("room", "presence", {"type": "presence", "event": "TRACK", "payload": {}})
            join_diff = await first.receive("presence_diff")
        leave_diff = await first.receive("presence_diff")
        ref = await first.push("room", "presence", {"type": "presence", "event": "track", "payload": [1]})
        while (error := await first.receive("phx_reply"))["ref"] != ref:
            pass

    assert initial_state["payload"] == {}
    assert [meta["at"] for meta in track_diff["payload"]["joins"]["ada"]["metas"]] == [1]
    assert list(state["payload"]) == ["ada"]
    assert (["bob"], []) == (list(join_diff["payload"]["joins"]), list(join_diff["payload"]["leaves"]))
    assert ([], ["bob"]) == (list(leave_diff["payload"]["joins"]), list(leave_diff["payload"]["leaves"]))
    assert error["payload"]["status"] == "error"


async def test_http_broadcast_reaches_the_topic(
    address: str, api_key: str, user: ApiUser, client: httpx.AsyncClient
) -> None:
    async with phoenix_client(address, api_key) as ws:
        await ws.join("room", api_key)
        headers = {"apikey": api_key}
        messages = {"messages": [{"topic": "room", "event": "a", "payload": {"n": 1}}]}
        batch_response = await client.post("/realtime/v1/api/broadcast", json=messages, headers=headers)
        first_broadcast = await ws.receive("broadcast")
        path = "/realtime/v1/api/broadcast/room/events/b"
        single_response = await client.post(path, json={"n": 2}, headers=headers)
        second_broadcast = await ws.receive("broadcast")
        private_response = await client.post(f"{path}?private=true", json={}, headers=headers)
        invalid_response = await client.post(
            "/realtime/v1/api/broadcast", json={"messages": [{"event": "a", "payload": {}}]}, headers=headers
        )
        anonymous_response = await client.post("/realtime/v1/api/broadcast", json=messages)

    assert (202, b"") == (batch_response.status_code, batch_response.content)
    assert ("a", {"n": 1}) == (first_broadcast["payload"]["event"], first_broadcast["payload"]["payload"])
    assert (202, {"n": 2}) == (single_response.status_code, second_broadcast["payload"]["payload"])
    assert [403, 422, 401] == [
        private_response.status_code,
        invalid_response.status_code,
        anonymous_response.status_code,
    ]
    assert invalid_response.json() == {"errors": {"messages": [{"topic": ["can't be blank"]}]}}


async def test_binary_broadcast_is_delivered_in_both_protocol_versions(
    address: str, api_key: str, user: ApiUser
) -> None:
    url = f"ws://{address}/realtime/v1/websocket?apikey={api_key}&vsn=2.0.0"
    async with (
        connect(url) as v2_sender,
        phoenix_client(address, api_key) as v1_client,
        connect(url) as v2_receiver,
    ):
        await v1_client.join("room", api_key)
        for v2_client in (v2_sender, v2_receiver):
            await v2_client.send(json.dumps(["1", "1", "realtime:room", "phx_join", {"access_token": api_key}]))
            assert json.loads(await v2_client.recv())[:4] == ["1", "1", "realtime:room", "phx_reply"]
            assert json.loads(await v2_client.recv())[3] == "presence_state"
        fields = [b"1", b"2", b"realtime:room", "grüße".encode(), b""]
        for is_json, payload in ((1, '{"ü": 1}'.encode()), (0, b"\x00\xff")):
            sizes = bytes(len(value) for value in fields)
            await v2_sender.send(bytes((3,)) + sizes + bytes((is_json,)) + b"".join(fields) + payload)
        v1_payload = (await v1_client.receive("broadcast"))["payload"]
        v2_message, v2_binary = json.loads(await v2_receiver.recv()), await v2_receiver.recv()
        is_silent = await v1_client.receives_no("broadcast")

    assert {"type": "broadcast", "event": "grüße", "payload": {"ü": 1}} == v1_payload == v2_message[4]
    assert v2_message[:4] == [None, None, "realtime:room", "broadcast"]
    assert isinstance(v2_binary, bytes)
    assert (4, b"\x00\xff") == (v2_binary[0], v2_binary[-2:])
    assert is_silent
