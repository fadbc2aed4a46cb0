"""Signing up by mail, following a mailed link, and reading what its redirect tells."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.domains.auth.conftest import PASSWORD, AuthApp


def fragment(answer: httpx.Response) -> dict[str, str]:
    """What a redirect tells behind the hash."""
    assert answer.status_code == 303, answer.text
    told = parse_qs(urlsplit(answer.headers["location"]).fragment, keep_blank_values=True)
    return {key: values[0] for key, values in told.items()}


async def follow(desk: AuthApp, link: str) -> httpx.Response:
    """Open a mailed link as a browser does."""
    parts = urlsplit(link)
    return await desk.http.get(f"{parts.path}?{parts.query}")


async def sign_up(desk: AuthApp, address: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
    """Sign up where addresses are confirmed by mail."""
    return await desk.post("/signup", {"email": address, "password": password, **more})
