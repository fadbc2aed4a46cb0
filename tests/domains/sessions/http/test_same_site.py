"""Requests of this site and of others, by the header and the Origin that a browser sends."""

from __future__ import annotations

import pytest

from monynha.core.errors import ForbiddenError
from monynha.domains.sessions.http.same_site import SameSite
from monynha.protocols.http.request import Request
from tests.protocols.http.test_cookies import request_with

SITE = "https://board.example.org"


def request_of(origin: str | None, host: str = "board.example.org", header: str | None = "1") -> Request:
    """Return a request with these headers."""
    request = request_with()
    pairs = {b"host": host, b"origin": origin, b"x-monynha-request": header}
    request.scope["headers"] = [(name, value.encode("latin-1")) for name, value in pairs.items() if value is not None]
    return request


@pytest.mark.parametrize("origin", [None, SITE, f"{SITE}:443", "HTTPS://BOARD.example.org"])
def test_this_site_may(origin: str | None) -> None:
    SameSite(SITE, lambda _: True).require(request_of(origin))


def test_another_name_of_this_site_may() -> None:
    SameSite("http://127.0.0.1:8000", lambda _: False).require(request_of("http://localhost:8000", "localhost:8000"))


@pytest.mark.parametrize("origin", [
    "http://board.example.org",  # a page that came without TLS, and so perhaps from somebody between
    "https://board.example.org:8443",
    "https://evil.example",
    "https://evil.board.example.org",
    "null",
    "",
    "https://",
    "https://board.example.org:99999",
    "https://[",
    "app://board.example.org",
    "https://board.example.org, https://evil.example",
])  # fmt: skip
def test_another_site_may_not(origin: str) -> None:
    with pytest.raises(ForbiddenError):
        SameSite(SITE, lambda _: True).require(request_of(origin))


@pytest.mark.parametrize("header", [None, "", "0", "true", "1,1"])
def test_a_request_without_the_header_may_not(header: str | None) -> None:
    with pytest.raises(ForbiddenError):
        SameSite(SITE, lambda _: True).require(request_of(SITE, header=header))
