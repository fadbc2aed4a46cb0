"""CORS: which origins may read responses, and what a preflight request is answered."""

from __future__ import annotations

import re

import httpx
import pytest

from monynha.protocols.http.cors import CorsPolicy

pytestmark = pytest.mark.anyio

LISTED = CorsPolicy(frozenset({"https://app.example.com"}))


@pytest.mark.parametrize(
    ("policy", "origin", "is_allowed"),
    [
        (LISTED, "https://app.example.com", True),
        (LISTED, "https://app.example.com.evil.example", False),
        (LISTED, "http://app.example.com", False),
        (LISTED, "http://localhost:3000", False),
        (CorsPolicy(), "https://app.example.com", False),
        (CorsPolicy(allows_localhost=True), "http://[::1]:8080", True),
        (CorsPolicy(allows_localhost=True), "https://localhost.example.com", False),
        (CorsPolicy(frozenset({"*"})), "https://anything.example", True),
    ],
)
def test_origins_are_allowed_by_the_policy(policy: CorsPolicy, origin: str, is_allowed: bool) -> None:
    headers = dict(policy.response_headers(origin))

    assert policy.allows(origin) is is_allowed
    assert headers.get(b"access-control-allow-origin") == (origin.encode() if is_allowed else None)
    assert headers[b"vary"] == b"Origin"


def test_options_without_an_allowed_origin_lists_methods_only() -> None:
    for origin in (None, "https://other.example"):
        response = LISTED.preflight(origin, ("GET", "HEAD"))
        assert (response.status, response.headers) == (204, ((b"allow", b"GET, HEAD"),))
    assert LISTED.preflight(None, ()).headers == ()


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("https://localhost", True),
        ("https://example.com", False),
        ("http://localhost.example.com", False),
        ("http://localhost:3000.example.com", False),
        ("null", False),
    ],
)
async def test_only_allowed_origins_can_read_responses_of_the_api(
    client: httpx.AsyncClient, origin: str, is_allowed: bool
) -> None:
    preflight_headers = {"origin": origin, "access-control-request-method": "PUT"}

    preflight = await client.options("/api/v1/users/me", headers=preflight_headers)
    response = await client.get("/api/v1/users/me", headers={"origin": origin})

    expected = origin if is_allowed else None
    assert preflight.headers.get("access-control-allow-origin") == expected
    assert response.headers.get("access-control-allow-origin") == expected
    assert "Origin" in response.headers["vary"]
    assert response.status_code == 401
    if is_allowed:
        for name in (
            "authorization",
            "if-match",
            "idempotency-key",
            "content-type",
            "apikey",
            "x-client-info",
        ):
            assert name in re.split(", ?", preflight.headers["access-control-allow-headers"])
        assert "etag" in preflight.headers.get("access-control-expose-headers", "") + response.headers.get(
            "access-control-expose-headers", ""
        )
        assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in response.headers
