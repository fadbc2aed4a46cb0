"""Routes of /token and /logout."""

from __future__ import annotations

import pytest

from monynha.core.errors import (
    UnauthenticatedError,
)
from tests.domains.auth.conftest import AuthApp, new_email


async def test_an_unknown_grant_is_refused(auth_app: AuthApp) -> None:
    response = await auth_app.post("/token?grant_type=magic", {}, headers={"X-Supabase-Api-Version": "2024-01-01"})

    assert (response.status_code, response.json()["code"]) == (400, "invalid_credentials")


async def test_a_missing_refresh_token_is_an_oauth_error(auth_app: AuthApp) -> None:
    response = await auth_app.post("/token?grant_type=refresh_token", {})

    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def is_refused_by_the_database(auth_app: AuthApp, access_token: str) -> bool:
    try:
        await auth_app.fetch_json(access_token, "select to_json(1)")
    except UnauthenticatedError:
        return True
    return False


@pytest.mark.parametrize(
    ("scope", "session_ends", "other_session_ends"),
    [
        ("", True, True),
        ("?scope=global", True, True),
        ("?scope=local", True, False),
        ("?scope=others", False, True),
    ],
)
async def test_signing_out_ends_the_sessions_of_its_scope_at_once(
    auth_app: AuthApp, scope: str, session_ends: bool, other_session_ends: bool
) -> None:
    email = new_email()
    session = await auth_app.sign_up(email)
    other_session = (await auth_app.sign_in(email)).json()
    foreign_session = await auth_app.sign_up()

    response = await auth_app.post(f"/logout{scope}", token=session["access_token"])

    assert (response.status_code, response.content) == (204, b"")
    for tokens, has_ended in ((session, session_ends), (other_session, other_session_ends), (foreign_session, False)):
        assert await is_refused_by_the_database(auth_app, tokens["access_token"]) is has_ended
        assert ((await auth_app.get("/user", tokens["access_token"])).status_code == 403) is has_ended
        assert ((await auth_app.refresh(tokens["refresh_token"])).status_code == 400) is has_ended


async def test_an_unknown_scope_signs_nobody_out(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()

    response = await auth_app.post("/logout?scope=everybody", token=session["access_token"])

    assert response.status_code == 400
    assert not await is_refused_by_the_database(auth_app, session["access_token"])


async def test_signing_out_requires_a_token(auth_app: AuthApp) -> None:
    assert (await auth_app.post("/logout")).json()["error_code"] == "no_authorization"
    assert (await auth_app.post("/logout", token=auth_app.api_key("anon"))).json()["error_code"] == "bad_jwt"
