"""A client of /storage/v1 for one actor, as in-process requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx


@dataclass(frozen=True)
class StorageClient:
    """Sends requests to /storage/v1 with a token, or without one where it is empty."""

    http: httpx.AsyncClient
    token: str = ""

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        return await self.http.request(method, f"/storage/v1{path}", headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        """Send a POST."""
        return await self.request("POST", path, json=json, **options)

    async def upload(
        self, path: str, body: Any = b"a body", *, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> httpx.Response:
        """Upload a raw body to `bucket/name`."""
        all_headers = {"content-type": "text/plain", **(headers or {})}
        return await self.request(method, f"/object/{path}", content=body, headers=all_headers)

    async def download(self, path: str, **options: Any) -> httpx.Response:
        """Download `bucket/name`."""
        return await self.get(f"/object/authenticated/{path}", **options)

    async def create_bucket(self, **settings: Any) -> str:
        """Create a bucket and return its id."""
        name = f"bucket-{uuid4().hex[:12]}"
        response = await self.post("/bucket", {"name": name, **settings})
        assert response.json() == {"name": name}
        return name

    async def put_object(self, path: str, body: Any = b"a body", **options: Any) -> dict[str, Any]:
        """Upload a body, and return what is answered; fail if it is refused."""
        response = await self.upload(path, body, **options)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer


def wire_error(response: httpx.Response) -> tuple[int, str, str]:
    """Return the HTTP status of an error, its `statusCode` and its `code`."""
    body = response.json()
    assert body.keys() >= {"statusCode", "error", "message", "code"}
    return response.status_code, body["statusCode"], body["code"]
