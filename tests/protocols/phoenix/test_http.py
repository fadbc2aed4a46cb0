"""Broadcasts by HTTP reach the members of a topic; private topics need access."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.phoenix_client import phoenix_client
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


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

    assert (batch_response.status_code, batch_response.content) == (202, b"")
    assert (first_broadcast["payload"]["event"], first_broadcast["payload"]["payload"]) == ("a", {"n": 1})
    assert (single_response.status_code, second_broadcast["payload"]["payload"]) == (202, {"n": 2})
    assert [private_response.status_code, invalid_response.status_code] == [403, 422]
    assert (anonymous_response.status_code, anonymous_response.json()) == (401, {"message": "Unauthorized"})
    assert invalid_response.json() == {"errors": {"messages": [{"topic": ["can't be blank"]}]}}


@pytest.mark.parametrize(
    "body", [[], {}, {"messages": []}, {"messages": "x"}, {"messages": [{"topic": "t", "event": "e"}] * 101}]
)
async def test_batch_must_have_1_to_100_messages(client: httpx.AsyncClient, api_key: str, body: Any) -> None:
    response = await client.post("/realtime/v1/api/broadcast", json=body, headers={"apikey": api_key})

    assert (response.status_code, response.json()) == (422, {"errors": {"messages": ["is invalid"]}})


async def test_content_type_must_be_json_or_bytes(client: httpx.AsyncClient, api_key: str) -> None:
    headers = {"apikey": api_key, "content-type": "text/plain"}
    response = await client.post("/realtime/v1/api/broadcast/room/events/e", content=b"x", headers=headers)

    assert response.status_code == 415
