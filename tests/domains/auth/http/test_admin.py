"""Admin routes: the service key, validation, pages and filters."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp

ROUTES = [
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", f"/admin/users/{uuid4()}"),
    ("PUT", f"/admin/users/{uuid4()}"),
    ("DELETE", f"/admin/users/{uuid4()}"),
    ("POST", "/admin/generate_link"),
    ("POST", "/invite"),
    ("GET", f"/admin/users/{uuid4()}/factors"),
    ("GET", "/admin/audit"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=range(len(ROUTES)))
async def test_admin_routes_require_the_service_key(auth_app: AuthApp, method: str, path: str) -> None:
    session = await auth_app.sign_up()
    admin = await auth_app.create_user(app_metadata={"role": "admin"})
    signed_in = (await auth_app.sign_in(admin["email"])).json()

    outcomes = [
        (await auth_app.request(method, path, token, json={})).json().get("error_code")
        for token in (
            None,
            auth_app.api_key("anon"),
            session["access_token"],
            signed_in["access_token"],
            "rubbish",
        )
    ]

    assert outcomes == ["no_authorization", "not_admin", "not_admin", "not_admin", "bad_jwt"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"email": "x"}, 400, "validation_failed"),
        ({"email": "a@b.co", "id": "x"}, 400, "validation_failed"),
        ({"email": "a@b.co", "password": "short"}, 422, "weak_password"),
        ({"email": "a@b.co", "password_hash": "md5"}, 400, "validation_failed"),
        ({"email": "a@b.co", "password": PASSWORD, "password_hash": "$2b$"}, 400, "validation_failed"),
        ({"email": "a@b.co", "email_confirm": "yes"}, 400, "validation_failed"),
        ({"email": "a@b.co", "app_metadata": {"a": "x" * 1600}}, 400, "validation_failed"),
        ({"email": "a@b.co", "ban_duration": "a week"}, 400, "validation_failed"),
        ({"phone": "call me"}, 400, "validation_failed"),
    ],
)
async def test_an_invalid_account_is_not_created(
    auth_app: AuthApp, body: dict[str, Any], status: int, code: str
) -> None:
    response = await auth_app.post("/admin/users", body, auth_app.service_key)

    assert (response.status_code, response.json()["error_code"]) == (status, code)
    assert auth_app.hook.created_accounts == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_account_is_not_found(auth_app: AuthApp, method: str) -> None:
    unknown = await auth_app.request(method, f"/admin/users/{uuid4()}", auth_app.service_key, json={})
    malformed = await auth_app.request(method, "/admin/users/'or'1", auth_app.service_key, json={})

    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "user_not_found")
    assert (malformed.status_code, malformed.json()["error_code"]) == (404, "validation_failed")


async def test_accounts_are_listed_in_pages_with_the_total(auth_app: AuthApp) -> None:
    for _ in range(3):
        await auth_app.create_user()

    first = await auth_app.get("/admin/users?page=1&per_page=2", auth_app.service_key)
    empty = await auth_app.get("/admin/users?page=&per_page=", auth_app.service_key)
    beyond = await auth_app.get("/admin/users?page=999999&per_page=2", auth_app.service_key)

    total = int(first.headers["x-total-count"])
    last = -(-total // 2)
    base = f"{auth_app.settings.site_url}/auth/v1/admin/users"
    assert total >= 3
    assert len(first.json()["users"]) == 2
    assert first.headers["link"] == (
        f'<{base}?page=2&per_page=2>; rel="next", <{base}?page={last}&per_page=2>; rel="last"'
    )
    assert empty.json()["aud"] == "authenticated"
    assert len(empty.json()["users"]) == min(50, total)
    assert beyond.json()["users"] == []
    ids = [user["id"] for n in range(1, last + 1) for user in await list_page(auth_app, n)]
    assert len(ids) == len(set(ids)) == total


async def list_page(auth_app: AuthApp, page: int) -> list[dict[str, Any]]:
    response = await auth_app.get(f"/admin/users?page={page}&per_page=2", auth_app.service_key)
    users: list[dict[str, Any]] = response.json()["users"]
    return users


async def test_accounts_are_filtered_by_a_part_of_their_address(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    piece = user["email"].partition("@")[0]

    users = (await auth_app.get(f"/admin/users?filter={piece.upper()}", auth_app.service_key)).json()["users"]
    wildcard = await auth_app.get("/admin/users?filter=%25", auth_app.service_key)

    assert [match["id"] for match in users] == [user["id"]]
    assert wildcard.json()["users"] == []


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "per_page=1e3", "page=9999999999", "page=²"])
async def test_a_page_that_is_not_a_positive_number_is_refused(auth_app: AuthApp, query: str) -> None:
    response = await auth_app.get(f"/admin/users?{query}", auth_app.service_key)

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
