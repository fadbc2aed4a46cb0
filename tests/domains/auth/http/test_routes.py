"""Routes of /auth/v1: what official clients call."""

from __future__ import annotations

import pytest

from monynha.domains.auth.http import route_group
from tests.domains.auth.conftest import AuthApp

OFFICIAL_CLIENT_ROUTES = {
    ("POST", "/signup"),
    ("POST", "/token"),
    ("POST", "/logout"),
    ("GET", "/user"),
    ("PUT", "/user"),
    ("GET", "/reauthenticate"),
    ("POST", "/otp"),
    ("POST", "/resend"),
    ("POST", "/recover"),
    ("POST", "/verify"),
    ("GET", "/verify"),
    ("GET", "/settings"),
    ("POST", "/invite"),
    ("POST", "/admin/generate_link"),
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", "/admin/users/{id}"),
    ("PUT", "/admin/users/{id}"),
    ("DELETE", "/admin/users/{id}"),
}


async def test_every_route_of_official_clients_exists_once(auth_app: AuthApp) -> None:
    group = route_group(auth_app.auth)
    routes = [(route.method, route.path) for route in group.routes]

    assert group.prefix == "/auth/v1"
    assert OFFICIAL_CLIENT_ROUTES - {*routes} == set()
    assert len(routes) == len({*routes})


@pytest.mark.parametrize("path", ["/", "/nowhere", "/users"])
async def test_an_unknown_path_is_refused_in_the_format_of_auth(auth_app: AuthApp, path: str) -> None:
    response = await auth_app.get(path)

    assert (response.status_code, response.json()["error_code"]) == (404, "not_found")
