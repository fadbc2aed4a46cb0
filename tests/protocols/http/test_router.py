"""Routing: static segments, parameters, the rest of a path, methods, and the error renderer of a prefix."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monynha.core.errors import AppError, MethodNotAllowedError, NotFoundError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler, Route, RouteGroup, Router, render_error_envelope


def handler(name: str) -> Handler:
    """Return a handler that can be told from others."""

    async def handle(request: Request) -> Response:
        return Response(200, name.encode())

    return handle


LIST, CREATE, ME, ITEM, BELOW, FILE = (handler(name) for name in ("list", "create", "me", "item", "below", "file"))
ROUTES = (
    Route("GET", "/users", LIST),
    Route("POST", "/users", CREATE),
    Route("GET", "/users/me", ME),
    Route("DELETE", "/users/{id}", ITEM),
    Route("GET", "/users/{id}/posts", BELOW),
    Route("GET", "/pages/{*path}", FILE),
    Route("DELETE", "/files/{bucket}", ITEM),
    Route("DELETE", "/files/{bucket}/{*path}", FILE),
    Route("OPTIONS", "/uploads", LIST),
)
ROUTER = Router([RouteGroup("/api", ROUTES)])


@pytest.mark.parametrize(
    ("method", "path", "expected", "path_params"),
    [
        ("GET", "/api/users", LIST, {}),
        ("HEAD", "/api/users", LIST, {}),
        ("POST", "/api/users", CREATE, {}),
        ("GET", "/api/users/me", ME, {}),
        ("DELETE", "/api/users/7", ITEM, {"id": "7"}),
        ("GET", "/api/users/7/posts", BELOW, {"id": "7"}),
        ("GET", "/api/pages/a/b.txt", FILE, {"path": "a/b.txt"}),
        ("DELETE", "/api/files/a", ITEM, {"bucket": "a"}),
        ("DELETE", "/api/files/a/b//c.txt", FILE, {"bucket": "a", "path": "b//c.txt"}),
        ("DELETE", "/api/files/a/", FILE, {"bucket": "a", "path": ""}),
    ],
)
def test_a_route_is_found_by_method_and_path(
    method: str, path: str, expected: Handler, path_params: dict[str, str]
) -> None:
    match = ROUTER.match(method, path)

    assert match.handler is expected
    assert match.path_params == path_params


def test_options_may_have_a_handler_of_its_own() -> None:
    match = ROUTER.match_options("/api/uploads")

    assert match is not None
    assert match.handler is LIST
    assert [ROUTER.match_options(path) for path in ("/api/users", "/nowhere")] == [None, None]


@pytest.mark.parametrize("path", ["", "/", "/api", "/users", "/api/users/", "/api/users//posts", "/api/users/7/x"])
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(NotFoundError):
        ROUTER.match("GET", path)
    assert ROUTER.allowed_methods(path) == ()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/users", ("GET", "HEAD", "OPTIONS", "POST")),
        ("/api/users/7", ("DELETE", "OPTIONS")),
        ("/api/users/7/posts", ("GET", "HEAD", "OPTIONS")),
    ],
)
def test_another_method_lists_those_that_are_allowed(path: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(MethodNotAllowedError) as raised:
        ROUTER.match("PATCH", path)

    assert raised.value.allowed == allowed
    assert ROUTER.allowed_methods(path) == allowed


def test_errors_are_rendered_by_the_group_with_the_longest_prefix() -> None:
    def render_plain(error: AppError, request: Request, stack: Sequence[str]) -> Response:
        return Response(error.status)

    router = Router([RouteGroup("/api", ROUTES), RouteGroup("/api/v2", (), render_plain)])

    assert router.error_renderer_for("/api/v2/unknown") is render_plain
    assert router.error_renderer_for("/api/v1/unknown") is render_error_envelope
    assert router.error_renderer_for("/unknown") is render_error_envelope


@pytest.mark.parametrize(
    "routes",
    [
        (Route("GET", "/users", LIST), Route("GET", "/users", ME)),
        (Route("GET", "/users/{id}", LIST), Route("DELETE", "/users/{userId}", ITEM)),
    ],
    ids=["two handlers", "two names"],
)
def test_contradictory_routes_are_rejected(routes: tuple[Route, ...]) -> None:
    with pytest.raises(ValueError, match="/users"):
        Router([RouteGroup("", routes)])
