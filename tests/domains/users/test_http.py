"""The sign-up endpoint of REST takes no query parameters and returns only JSON."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.anyio

BODY = {"name": "Ada", "email": "nobody-yet@example.com", "password": "a long secret"}


async def test_sign_up_rejects_query_parameters(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/users?include=posts", json=BODY)

    assert response.status_code == 400
    assert response.json()["error"]["details"] == {"include": "is not known; there are none"}


async def test_sign_up_responds_only_with_json(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/v1/users", json=BODY, headers={"accept": "text/html"})

    assert response.status_code == 406
