"""Cookies: what is read from a request, and how they are set so that no script and no other site has them."""

from __future__ import annotations

import pytest

from monynha.protocols.http.cookies import CookieKind
from monynha.protocols.http.request import HttpScope, Receive, Request, RequestMessage


def request_with(*cookie_headers: str) -> Request:
    """Return a request with Cookie headers."""

    async def receive() -> RequestMessage:
        return {"type": "http.request"}

    receive_nothing: Receive = receive
    scope: HttpScope = {
        "type": "http",
        "asgi": {},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"cookie", value.encode("latin-1")) for value in cookie_headers],
        "client": None,
    }
    return Request(scope, receive_nothing, client_ip="")


@pytest.mark.parametrize(("headers", "value"), [
    ((), None),
    (("a=1",), "1"),
    (("b=2; a=1; c=3",), "1"),
    (("b=2;a=1",), "1"),
    (("b=2", "a=1"), "1"),
    (("b=2, a=1",), None),
    (("b=2,a=1; a=3",), "3"),
    (("a=1; a=2",), "1"),
    (("a=x=y==",), "x=y=="),
    (("a=",), None),
    (("a",), None),
    (("xa=1; a1=2; A=3",), None),
    (("=1; ;; a",), None),
])  # fmt: skip
def test_the_first_cookie_of_the_name_is_read(headers: tuple[str, ...], value: str | None) -> None:
    assert CookieKind("a", "/", False).read(request_with(*headers)) == value


def test_all_cookies_of_the_name_are_read() -> None:
    assert CookieKind("a", "/", False).read_all(request_with("a=1; b=2; a=3", "a=")) == ["1", "3", ""]


def test_a_cookie_may_come_along_where_another_site_leads_here() -> None:
    assert CookieKind("a", "/", False, same_site="Lax").write("v", 60)[1].endswith(b"; HttpOnly; SameSite=Lax")


def test_a_cookie_is_for_its_path_no_script_and_no_other_site() -> None:
    assert CookieKind("a", "/x", False).write("v", 60) == (
        b"set-cookie",
        b"a=v; Path=/x; Max-Age=60; HttpOnly; SameSite=Strict",
    )
    assert CookieKind("__Host-a", "/", True).write("v", 60)[1].endswith(b"; HttpOnly; SameSite=Strict; Secure")


def test_a_deleted_cookie_has_the_attributes_that_it_was_set_with() -> None:
    assert CookieKind("__Host-a", "/", True).delete() == (
        b"set-cookie",
        b"__Host-a=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
    )
