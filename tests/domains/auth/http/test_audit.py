"""`GET /auth/v1/admin/audit`: what happened, in GoTrue's wire."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.core.serialization import parse_timestamp
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email

pytestmark = pytest.mark.anyio


async def entries(auth_app: AuthApp, query: str) -> list[dict[str, Any]]:
    """Return the entries that a query selects, newest first."""
    response = await auth_app.get(f"/admin/audit?query={query}", auth_app.service_key)
    assert response.status_code == 200, response.text
    body: list[dict[str, Any]] = response.json()
    return body


async def test_a_life_of_an_account_is_listed_in_the_words_of_gotrue(auth_app: AuthApp) -> None:
    email = new_email()
    session = await auth_app.sign_up(email, name="Ada")
    await auth_app.put("/user", {"password": "another horse battery"}, session["access_token"])
    await auth_app.post("/logout", {}, session["access_token"])

    listed = await entries(auth_app, f"author:{email.upper()}")

    payloads = [entry["payload"] for entry in reversed(listed)]
    assert [payload["action"] for payload in payloads] == [
        "user_signedup",
        "login",
        "user_updated_password",
        "logout",
    ]
    assert [payload["log_type"] for payload in payloads] == ["team", "account", "user", "account"]
    first = payloads[0]
    assert (first["actor_id"], first["actor_username"], first["actor_via_sso"], first["actor_name"]) == (
        session["user"]["id"],
        email,
        False,
        "Ada",
    )
    assert payloads[1]["traits"]["method"] == "password"
    assert {*listed[0]} == {"id", "payload", "created_at", "ip_address"}
    parse_timestamp(listed[0]["created_at"])
    assert listed[0]["ip_address"] == "127.0.0.1"


async def test_entries_are_found_by_action_and_by_type(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    await auth_app.delete(f"/admin/users/{user['id']}", auth_app.service_key)
    await auth_app.sign_in(new_email(), PASSWORD)

    [deleted] = [entry for entry in await entries(auth_app, "action:user_deleted") if user["id"] in str(entry)]
    of_team = await entries(auth_app, "type:TEAM")
    failed = await entries(auth_app, "action:sign_in.failed")

    assert deleted["payload"]["actor_username"] == "service_role"
    assert deleted["payload"]["traits"] == {"user_id": user["id"]}
    assert {entry["payload"]["log_type"] for entry in of_team} == {"team"}
    assert {entry["payload"]["action"] for entry in failed} == {"sign_in.failed"}
    assert {entry["payload"]["log_type"] for entry in failed} == {"account"}
    assert failed[0]["payload"]["actor_id"] == "00000000-0000-0000-0000-000000000000"


async def test_a_removed_factor_is_called_unenrolled(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up(new_email())
    enrolled = await auth_app.post("/factors", {"factor_type": "totp"}, session["access_token"])
    factor_id = enrolled.json()["id"]
    await auth_app.delete(f"/factors/{factor_id}", session["access_token"])

    listed = [entry["payload"] for entry in await entries(auth_app, "type:factor") if factor_id in str(entry)]

    assert [payload["action"] for payload in listed] == ["factor_unenrolled", "factor_in_progress"]


@pytest.mark.parametrize("scope", ["author", "action", "type"])
async def test_a_wildcard_is_only_a_letter(auth_app: AuthApp, scope: str) -> None:
    await auth_app.sign_up()

    assert await entries(auth_app, f"{scope}:%25%25") == []


async def test_an_empty_filter_filters_nothing(auth_app: AuthApp) -> None:
    await auth_app.sign_up()

    assert await entries(auth_app, "author:") != []


@pytest.mark.parametrize("query", ["nonsense", "name:ada", "action"])
async def test_an_unknown_scope_is_refused(auth_app: AuthApp, query: str) -> None:
    response = await auth_app.get(f"/admin/audit?query={query}", auth_app.service_key)

    assert response.status_code == 400
    assert response.json()["error_code"] == "validation_failed"
    assert response.json()["msg"] == f"Invalid query scope: {query}"


async def test_pages_are_linked_and_counted(auth_app: AuthApp) -> None:
    email = new_email()
    await auth_app.sign_up(email)
    path = f"/admin/audit?query=author:{email}&per_page=1"

    first = await auth_app.get(f"{path}&page=1", auth_app.service_key)
    second = await auth_app.get(f"{path}&page=2", auth_app.service_key)

    assert first.headers["x-total-count"] == "2"
    assert "page=2" in first.headers["link"]
    assert 'rel="next"' in first.headers["link"]
    assert 'rel="next"' not in second.headers["link"]
    assert [entry["payload"]["action"] for response in (first, second) for entry in response.json()] == [
        "login",
        "user_signedup",
    ]


async def test_only_the_service_key_sees_the_log(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()

    assert (await auth_app.get("/admin/audit")).status_code == 401
    assert (await auth_app.get("/admin/audit", session["access_token"])).status_code == 403
    assert (await auth_app.get("/admin/audit", auth_app.api_key("anon"))).status_code == 403
