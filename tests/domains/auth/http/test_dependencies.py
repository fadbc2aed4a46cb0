"""Dependencies of routes: which tokens authenticate a user."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.domains.auth.conftest import AuthApp


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 401, "no_authorization"),
        ("Basic YTpi", 401, "no_authorization"),
        ("Bearer", 401, "no_authorization"),
        ("Bearer rubbish", 403, "bad_jwt"),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", 403, "bad_jwt"),
    ],
)
async def test_a_request_without_a_valid_token_is_refused(
    auth_app: AuthApp, header: str | None, status: int, code: str
) -> None:
    response = await auth_app.get("/user", headers={"authorization": header} if header else {})

    assert (response.status_code, response.json()["error_code"]) == (status, code)
    assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_a_token_of_an_unknown_user_is_refused(auth_app: AuthApp) -> None:
    response = await auth_app.get("/user", auth_app.api_key("authenticated", sub=str(uuid4())))

    assert (response.status_code, response.json()["error_code"]) == (403, "user_not_found")


async def test_a_token_without_a_session_is_valid_while_its_user_exists(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    token = auth_app.api_key("authenticated", sub=session["user"]["id"])
    assert (await auth_app.get("/user", token)).status_code == 200

    await auth_app.post("/logout", token=session["access_token"])
    assert (await auth_app.get("/user", token)).status_code == 200
    await auth_app.delete(f"/admin/users/{session['user']['id']}", auth_app.service_key)
    assert (await auth_app.get("/user", token)).json()["error_code"] == "user_not_found"


async def test_a_token_with_the_session_of_another_user_is_refused(auth_app: AuthApp) -> None:
    session, other_session = await auth_app.sign_up(), await auth_app.sign_up()
    session_id = auth_app.auth.tokens.verify(other_session["access_token"]).session_id
    token = auth_app.api_key("authenticated", sub=session["user"]["id"], session_id=str(session_id))

    response = await auth_app.get("/user", token)

    assert (response.status_code, response.json()["error_code"]) == (403, "session_not_found")


async def test_an_expired_token_is_refused(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    auth_app.clock.advance(3600)

    assert (await auth_app.get("/user", session["access_token"])).json()["error_code"] == "bad_jwt"
