"""Tokens of applications: exchange of codes, refresh, revocation and registration, and every abuse of them."""

from __future__ import annotations

import orjson
from joserfc.util import urlsafe_b64decode

from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.oauth_clients import Application


def claims_of(token: str) -> dict[str, object]:
    claims: dict[str, object] = orjson.loads(urlsafe_b64decode(token.split(".")[1].encode()))
    return claims


async def test_an_application_gets_tokens_with_the_scopes_that_the_person_approved(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)

    tokens = await application.tokens_for(person["access_token"], scope="read email")

    claims = claims_of(tokens["access_token"])
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("bearer", 3600, "read email")
    assert (claims["sub"], claims["client_id"], claims["scopes"]) == (person["user"]["id"], application.id, ["read"])
    assert (claims["email"], claims["user_metadata"]) == (person["user"]["email"], {})


async def test_a_code_works_once_and_its_replay_ends_the_session(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])
    tokens = (await application.exchange(code)).json()

    replay = await application.exchange(code)

    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    refreshed = await application.refresh(tokens["refresh_token"])
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    assert (await oauth_app.get("/oauth/userinfo", tokens["access_token"])).status_code == 403
