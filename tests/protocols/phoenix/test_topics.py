"""Broadcasts in the rooms of topics: who receives them, and who may use a private topic."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from websockets.asyncio.client import connect

from monynha.engine.realtime.event_log import Stream
from monynha.protocols.phoenix.topics import topic_room, topic_stream
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
        assert reply["ref"] == ref
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

    assert v1_payload == v2_message[4] == {"type": "broadcast", "event": "grüße", "payload": {"ü": 1}}
    assert v2_message[:4] == [None, None, "realtime:room", "broadcast"]
    assert isinstance(v2_binary, bytes)
    assert (v2_binary[0], v2_binary[-2:]) == (4, b"\x00\xff")
    assert is_silent


@pytest.mark.parametrize("topic", [f"project-{UUID(int=1)}", f"project-{UUID(int=1)}-chat", f"project:{UUID(int=1)}:x"])
def test_topic_names_a_stream_by_kind_and_id(topic: str) -> None:
    assert topic_stream(topic) == Stream("project", UUID(int=1))


@pytest.mark.parametrize("topic", ["", "project", "project-1", f"Project-{UUID(int=1)}", f"project-{UUID(int=1)}chat"])
def test_other_topics_name_no_stream(topic: str) -> None:
    assert topic_stream(topic) is None


def test_private_and_public_topic_of_the_same_name_have_different_rooms() -> None:
    assert topic_room("chat", is_private=True) != topic_room("chat", is_private=False)
