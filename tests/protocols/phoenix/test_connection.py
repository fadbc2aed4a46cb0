"""One socket: its handshake, malformed messages and the limit of channels."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.phoenix_client import phoenix_client

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("query", ["", "?apikey=", "?apikey=junk"])
async def test_connection_without_an_api_key_is_refused(address: str, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/realtime/v1/websocket{query}"):
            pass

    assert refused.value.response.status_code == 401
    assert "error" in json.loads(refused.value.response.body or b"{}")


@pytest.mark.parametrize(
    "message",
    ["junk", "[]", "{}", '{"topic": 1, "event": "x"}', b"\x03", b"\x07abc", b"\x03\xff\xff\xff\xff\xff\x01"],
)
async def test_malformed_message_is_answered_and_keeps_the_socket_open(
    address: str, api_key: str, message: str | bytes
) -> None:
    async with phoenix_client(address, api_key) as client:
        await client.connection.send(message)
        error = await client.receive()
        await client.connection.send('{"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": null}')
        heartbeat = await client.receive()

    assert error["payload"]["status"] == "error"
    assert heartbeat == {
        "topic": "phoenix",
        "event": "phx_reply",
        "payload": {"status": "ok", "response": {}},
        "ref": None,
    }


async def test_channel_over_the_limit_is_refused(address: str, api_key: str) -> None:
    async with phoenix_client(address, api_key) as client:
        statuses = [(await client.join(f"room {number}", api_key))["status"] for number in range(101)]

    assert statuses == ["ok"] * 100 + ["error"]


async def test_topic_must_have_the_prefix_and_a_name(address: str, api_key: str) -> None:
    async with phoenix_client(address, api_key) as client:
        reasons = []
        for topic in ("elsewhere:room", "realtime:"):
            message: dict[str, object] = {"topic": topic, "event": "phx_join", "payload": {}, "ref": "1"}
            await client.connection.send(json.dumps(message))
            reasons.append((await client.receive("phx_reply"))["payload"]["response"]["reason"])

    assert [reason.partition(":")[0] for reason in reasons] == ["TopicNameRequired"] * 2
