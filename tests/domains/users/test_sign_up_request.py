"""What a sign-up takes beside its body: nothing."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.anyio

BODY = {"name": "Ada", "email": "nobody-yet@example.com", "password": "a long secret"}


async def test_it_refuses_parameters(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/users?include=posts", json=BODY)

    assert 400 == answer.status_code
    assert {"include": "is not known; there are none"} == answer.json()["error"]["details"]


async def test_it_refuses_to_answer_what_is_no_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/users", json=BODY, headers={"accept": "text/html"})

    assert 406 == answer.status_code
