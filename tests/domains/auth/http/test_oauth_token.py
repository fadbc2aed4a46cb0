"""Tokens of applications: exchange of codes, refresh, revocation and registration, and every abuse of them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import orjson
import pytest
from joserfc.util import urlsafe_b64decode

from monynha.core.errors import UnauthenticatedError
from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.oauth_clients import REDIRECT_URI, VERIFIER, Application, challenge_of
from tests.domains.auth.second_factors import FactorUser

LOOPBACK_URI = "http://127.0.0.1:7777/callback"


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = orjson.loads(urlsafe_b64decode(token.split(".")[1].encode()))
    return claims


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def is_live(auth_app: AuthApp, access_token: str) -> bool:
    """Whether the database accepts the access token."""
    try:
        return await auth_app.fetch_json(access_token, "select to_json(1)") == b"1"
    except UnauthenticatedError:
        return False


async def test_an_application_gets_tokens_with_the_scopes_that_the_person_approved(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)

    tokens = await application.tokens_for(person["access_token"], scope="read email")

    claims = claims_of(tokens["access_token"])
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("bearer", 3600, "read email")
    assert (claims["sub"], claims["client_id"], claims["scopes"]) == (person["user"]["id"], application.id, ["read"])
    assert (claims["email"], claims["user_metadata"]) == (person["user"]["email"], {})
    assert await is_live(oauth_app, tokens["access_token"])


async def test_a_token_does_not_tell_what_the_application_may_not_know(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up(name="Ada")
    application = await Application.register(oauth_app)

    tokens = await application.tokens_for(person["access_token"], scope="openid")

    claims = claims_of(tokens["access_token"])
    assert (claims["email"], claims["phone"], claims["user_metadata"], claims["scopes"]) == ("", "", {}, [])
    assert "id_token" not in tokens
    assert (await oauth_app.get("/oauth/userinfo", tokens["access_token"])).json() == {"sub": person["user"]["id"]}
    assert (await oauth_app.get("/user", tokens["access_token"])).status_code == 403


async def test_userinfo_keeps_to_the_scopes(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up(name="Ada", avatar_url="https://pictures.example/ada.png")
    application = await Application.register(oauth_app)

    tokens = await application.tokens_for(person["access_token"], scope="openid profile email")
    userinfo = await oauth_app.post("/oauth/userinfo", token=tokens["access_token"])

    assert {**userinfo.json(), "updated_at": 0} == {
        "sub": person["user"]["id"],
        "email": person["user"]["email"],
        "email_verified": True,
        "name": "Ada",
        "picture": "https://pictures.example/ada.png",
        "updated_at": 0,
    }
    # Their own session was granted no scopes.
    assert (await oauth_app.get("/oauth/userinfo", person["access_token"])).json() == {"sub": person["user"]["id"]}


# The code.


async def test_a_code_works_once_and_its_replay_ends_the_session(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])
    tokens = (await application.exchange(code)).json()

    replay = await application.exchange(code)

    assert error_of(replay) == (400, "invalid_grant")
    assert error_of(await application.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert not await is_live(oauth_app, tokens["access_token"])
    assert await is_live(oauth_app, person["access_token"])


async def test_of_racing_exchanges_one_wins_and_the_others_end_it(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])

    responses = await asyncio.gather(*(application.exchange(code) for _ in range(4)))

    [winner] = [response for response in responses if response.status_code == 200]
    assert [error_of(response) for response in responses if response is not winner] == [(400, "invalid_grant")] * 3
    assert not await is_live(oauth_app, winner.json()["access_token"])


async def test_a_replay_is_recognised_a_day_later_though_the_code_lived_a_minute(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])
    tokens = (await application.exchange(code)).json()

    oauth_app.clock.advance(seconds=23 * 3600)
    await application.exchange(code)

    assert error_of(await application.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


async def test_a_code_expires_after_a_minute(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])

    oauth_app.clock.advance(seconds=61)

    assert error_of(await application.exchange(code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": VERIFIER[:-1] + "4"},
        {"code_verifier": challenge_of(VERIFIER)},
        {"code_verifier": "short"},
        {"redirect_uri": REDIRECT_URI + "/"},
    ],
)
async def test_a_code_that_is_presented_wrongly_is_void(oauth_app: AuthApp, wrong: dict[str, str]) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])

    refused = await application.exchange(code, **wrong)
    then_right = await application.exchange(code)

    assert error_of(refused) == error_of(then_right) == (400, "invalid_grant")


async def test_a_code_cannot_be_exchanged_without_a_verifier(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])

    assert error_of(await application.exchange(code, code_verifier=None)) == (400, "invalid_request")
    # Nothing was presented, so the code still works; OAuth 2.1 leaves the redirect URI out.
    assert (await application.exchange(code, redirect_uri=None)).status_code == 200


async def test_a_code_is_for_its_own_client(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application, other = await Application.register(oauth_app), await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])

    stolen = await other.exchange(code)
    after_theft = await application.exchange(code)

    assert error_of(stolen) == error_of(after_theft) == (400, "invalid_grant")


async def test_another_client_cannot_end_a_session_by_a_used_code(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application, other = await Application.register(oauth_app), await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])
    tokens = (await application.exchange(code)).json()

    await other.exchange(code)

    assert await is_live(oauth_app, tokens["access_token"])


@pytest.mark.parametrize("end", ["sign-out", "ban", "deletion", "revocation"])
async def test_a_code_is_void_once_the_person_has_left(oauth_app: AuthApp, end: str) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])

    await END[end](oauth_app, person, application)

    assert error_of(await application.exchange(code)) == (400, "invalid_grant")


# What ends access.


async def sign_out(auth_app: AuthApp, person: dict[str, Any], _: Application) -> None:
    assert (await auth_app.post("/logout", token=person["access_token"])).status_code == 204


async def ban(auth_app: AuthApp, person: dict[str, Any], _: Application) -> None:
    body = {"ban_duration": "24h"}
    response = await auth_app.put(f"/admin/users/{person['user']['id']}", body, auth_app.service_key)
    assert response.status_code == 200


async def delete_person(auth_app: AuthApp, person: dict[str, Any], _: Application) -> None:
    response = await auth_app.delete(f"/admin/users/{person['user']['id']}", auth_app.service_key)
    assert response.status_code == 200


async def revoke_grant(auth_app: AuthApp, person: dict[str, Any], application: Application) -> None:
    response = await auth_app.delete(f"/user/oauth/grants?client_id={application.id}", person["access_token"])
    assert response.status_code == 204


async def disable_client(auth_app: AuthApp, _: dict[str, Any], application: Application) -> None:
    response = await auth_app.put(f"/admin/oauth/clients/{application.id}", {"enabled": False}, auth_app.service_key)
    assert response.json()["enabled"] is False


async def delete_client(auth_app: AuthApp, _: dict[str, Any], application: Application) -> None:
    response = await auth_app.delete(f"/admin/oauth/clients/{application.id}", auth_app.service_key)
    assert response.status_code == 204


END = {
    "sign-out": sign_out,
    "ban": ban,
    "deletion": delete_person,
    "revocation": revoke_grant,
    "disabling": disable_client,
    "removal": delete_client,
}


@pytest.mark.parametrize("end", END)
async def test_access_ends_at_once(oauth_app: AuthApp, end: str) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"])

    await END[end](oauth_app, person, application)

    assert not await is_live(oauth_app, tokens["access_token"])
    assert (await oauth_app.get("/oauth/userinfo", tokens["access_token"])).status_code == 403
    refused = await application.refresh(tokens["refresh_token"])
    assert refused.json()["error"] == ("invalid_client" if end in ("disabling", "removal") else "invalid_grant")


async def test_a_disabled_client_can_begin_nothing_until_it_is_enabled(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])
    pending = await application.start()

    await disable_client(oauth_app, person, application)

    assert (await application.authorize()).json()["error_code"] == "oauth_client_not_found"
    assert (await application.open(pending, person["access_token"])).status_code == 404
    assert error_of(await application.exchange(code)) == (401, "invalid_client")
    await oauth_app.put(f"/admin/oauth/clients/{application.id}", {"enabled": True}, oauth_app.service_key)
    assert (await application.tokens_for(person["access_token"]))["scope"] == "read email"


# Refresh.


async def test_refreshing_rotates_and_the_replaced_token_ends_the_session(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    first = await application.tokens_for(person["access_token"])
    second = (await application.refresh(first["refresh_token"])).json()

    oauth_app.clock.advance(seconds=11)
    reused = await application.refresh(first["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert claims_of(second["access_token"])["scopes"] == ["read"]
    assert error_of(reused) == error_of(await application.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert not await is_live(oauth_app, second["access_token"])


async def test_an_answer_that_was_lost_can_be_asked_for_again_at_once(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    first = await application.tokens_for(person["access_token"])
    second = (await application.refresh(first["refresh_token"])).json()

    again = await application.refresh(first["refresh_token"])

    assert again.json()["refresh_token"] == second["refresh_token"]


async def test_scopes_can_be_fewer_at_a_refresh_but_never_more(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"], scope="read write email")

    escalated = await application.refresh(tokens["refresh_token"], scope="read admin")
    unknown = await application.refresh(tokens["refresh_token"], scope="root")
    narrowed = (await application.refresh(tokens["refresh_token"], scope="read")).json()
    restored = (await application.refresh(narrowed["refresh_token"])).json()

    assert error_of(escalated) == error_of(unknown) == (400, "invalid_scope")
    assert (narrowed["scope"], claims_of(narrowed["access_token"])["scopes"]) == ("read", ["read"])
    assert claims_of(narrowed["access_token"])["email"] == ""
    assert claims_of(restored["access_token"])["scopes"] == ["read", "write"]


async def test_a_refresh_token_is_of_use_to_its_client_alone(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application, other = await Application.register(oauth_app), await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"])

    by_other = await other.refresh(tokens["refresh_token"])
    by_nobody = await oauth_app.refresh(tokens["refresh_token"])
    persons_own = await application.refresh(person["refresh_token"])

    assert error_of(by_other) == error_of(persons_own) == (400, "invalid_grant")
    assert by_nobody.json()["error_code"] == "refresh_token_not_found"
    # None of these attempts has ended anything.
    assert (await application.refresh(tokens["refresh_token"])).status_code == 200
    assert (await oauth_app.refresh(person["refresh_token"])).status_code == 200


async def test_a_client_without_the_refresh_grant_gets_no_refresh_token(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, grant_types=["authorization_code"])

    tokens = await application.tokens_for(person["access_token"])

    assert "refresh_token" not in tokens
    assert error_of(await application.refresh("anything")) == (400, "unauthorized_client")


# Client authentication.


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_client_authenticates_by_the_method_it_is_registered_for(oauth_app: AuthApp, method: str) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, token_endpoint_auth_method=method)
    code = await application.code_for(person["access_token"])
    application.secret = application.secret or "invented"
    for other in {"client_secret_basic", "client_secret_post", "none"} - {method}:
        application.method = other

        refused = await application.exchange(code)

        assert error_of(refused) == (401, "invalid_client")
        assert refused.headers["www-authenticate"].startswith("Basic ")
    application.method = method
    assert (await application.exchange(code)).status_code == 200


async def test_wrong_secrets_and_unknown_clients_are_refused_alike(oauth_app: AuthApp) -> None:
    application = await Application.register(oauth_app)
    old_secret = application.secret
    path = f"/admin/oauth/clients/{application.id}/regenerate_secret"
    application.secret = (await oauth_app.post(path, token=oauth_app.service_key)).json()["client_secret"]
    accepted = await application.exchange("unknown")
    refusals = []
    for id, secret in [(application.id, old_secret), (application.id, ""), (new_email(), "x"), ("", "")]:
        application.id, application.secret = id, secret
        refusals.append(await application.exchange("unknown"))

    assert error_of(accepted) == (400, "invalid_grant")
    assert {response.text for response in refusals} == {
        '{"error":"invalid_client","error_description":"Client authentication failed"}'
    }


async def test_a_client_authenticates_by_one_method_only(oauth_app: AuthApp) -> None:
    application = await Application.register(oauth_app)

    twice = await application.exchange("code", client_secret=application.secret)
    other_id = await application.exchange("code", client_id="somebody")
    malformed = [
        await oauth_app.request("POST", "/oauth/token", data={"grant_type": "authorization_code"}, headers=headers)
        for headers in ({"authorization": "Basic !!!"}, {"authorization": "Basic YWJj"}, {"authorization": "Bearer x"})
    ]

    assert error_of(twice) == error_of(other_id) == (400, "invalid_request")
    assert [error_of(response) for response in malformed] == [(401, "invalid_client")] * 3


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "resource": "https://other.example"}, "invalid_target"),
    ],
)
async def test_a_request_that_lacks_something_is_refused(oauth_app: AuthApp, body: dict[str, str], error: str) -> None:
    application = await Application.register(oauth_app)

    assert error_of(await application.request_token(**body)) == (400, error)


async def test_json_is_accepted_and_repeated_parameters_are_not(oauth_app: AuthApp) -> None:
    application = await Application.register(oauth_app, token_endpoint_auth_method="none")
    body = {"grant_type": "authorization_code", "client_id": application.id, "code": "x", "code_verifier": VERIFIER}
    form = {"content-type": "application/x-www-form-urlencoded"}

    as_json = await oauth_app.post("/oauth/token", body)
    numbers = await oauth_app.post("/oauth/token", {**body, "code": 1})
    listed = await oauth_app.post("/oauth/token", [body])
    repeated = await oauth_app.request("POST", "/oauth/token", content="grant_type=a&grant_type=b", headers=form)

    assert error_of(as_json) == (400, "invalid_grant")
    assert [error_of(response) for response in (numbers, listed, repeated)] == [(400, "invalid_request")] * 3


# Second factors.


async def test_a_session_loses_aal2_with_the_factor_by_which_it_was_approved(oauth_app: AuthApp) -> None:
    person = await FactorUser.with_totp(oauth_app)
    application = await Application.register(oauth_app)
    tokens = (await application.exchange(await application.code_for(person.token))).json()
    assert claims_of(tokens["access_token"])["aal"] == "aal2"

    removed = await oauth_app.delete(f"/factors/{person.factor_id}", person.token)

    assert removed.status_code == 200
    refreshed = (await application.refresh(tokens["refresh_token"])).json()
    claims = claims_of(refreshed["access_token"])
    assert claims["aal"] == "aal1"
    assert "totp" not in [entry["method"] for entry in claims["amr"]]


# Revocation.


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_revoking_a_token_ends_the_session(oauth_app: AuthApp, kind: str) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"])

    revoked = await application.revoke(tokens[kind])

    assert (revoked.status_code, revoked.json()) == (200, {})
    assert not await is_live(oauth_app, tokens["access_token"])
    assert (await application.revoke(tokens[kind])).status_code == 200


async def test_only_a_clients_own_tokens_can_be_revoked(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application, other = await Application.register(oauth_app), await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"])

    for token in (tokens["access_token"], tokens["refresh_token"], person["access_token"], "nonsense"):
        assert (await other.revoke(token)).status_code == 200
    other.secret = "wrong"

    assert error_of(await other.revoke(tokens["access_token"])) == (401, "invalid_client")
    assert await is_live(oauth_app, tokens["access_token"])
    assert await is_live(oauth_app, person["access_token"])


async def test_nothing_secret_is_stored(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    code = await application.code_for(person["access_token"])
    tokens = (await application.exchange(code)).json()

    async with oauth_app.repository.transaction() as transaction:
        rows = [
            await transaction.fetch_value(f"select json_agg(t)::text from auth.{table} t")
            for table in ("oauth_clients", "oauth_authorizations", "sessions")
        ]

    stored = "".join(map(str, rows))
    assert [secret in stored for secret in (application.secret or "", code, tokens["refresh_token"])] == [False] * 3
    assert base64.b64encode((application.secret or "").encode()).decode() not in stored
