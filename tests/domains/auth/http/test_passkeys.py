"""Passkeys over /auth/v1: sign-in without a password, by a software authenticator, honest or not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.domains.auth.authenticator import USER_PRESENT, Authenticator, base64url
from tests.domains.auth.conftest import AuthApp, MakeAuthApp
from tests.domains.auth.second_factors import FactorUser, claims_of

pytestmark = pytest.mark.anyio


async def register(user: FactorUser, key: Authenticator, **client_data: Any) -> httpx.Response:
    """Register a passkey of the user."""
    options = await user.app.post("/passkeys/registration/options", {}, user.token)
    assert options.status_code == 200, options.text
    credential = key.create(options.json()["options"], **client_data)
    body = {"challenge_id": options.json()["challenge_id"], "credential": credential}
    return await user.app.post("/passkeys/registration/verify", body, user.token)


async def begin(app: AuthApp) -> dict[str, Any]:
    response = await app.post("/passkeys/authentication/options", {})
    assert response.status_code == 200, response.text
    options: dict[str, Any] = response.json()
    return options


async def answer(app: AuthApp, options: dict[str, Any], credential: dict[str, Any]) -> httpx.Response:
    body = {"challenge_id": options["challenge_id"], "credential": credential}
    return await app.post("/passkeys/authentication/verify", body)


async def sign_in(app: AuthApp, key: Authenticator, **client_data: Any) -> httpx.Response:
    """Sign in with a passkey."""
    options = await begin(app)
    return await answer(app, options, key.get(options["options"], **client_data))


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error_code"]


async def test_a_passkey_signs_in(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()

    created = await register(user, key)
    session = await sign_in(auth_app, key)
    listed = (await auth_app.get("/passkeys", user.token)).json()

    assert created.status_code == 200, created.text
    assert created.json()["friendly_name"] == "Passkey"
    assert session.status_code == 200, session.text
    claims = claims_of(session.json()["access_token"])
    assert claims["sub"] == user.id
    assert claims["session_id"] != user.claims["session_id"]
    assert (claims["aal"], claims["amr"][0]["method"]) == ("aal1", "passkey")
    assert [(passkey["id"], bool(passkey["last_used_at"])) for passkey in listed] == [(created.json()["id"], True)]


async def test_the_options_ask_for_a_discoverable_verified_credential(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    await register(user, key)

    creation = (await auth_app.post("/passkeys/registration/options", {}, user.token)).json()["options"]
    request = (await begin(auth_app))["options"]

    assert creation["authenticatorSelection"]["residentKey"] == "required"
    assert creation["authenticatorSelection"]["userVerification"] == "required"
    assert [credential["id"] for credential in creation["excludeCredentials"]] == [base64url(key.credential_id)]
    assert {"type": "public-key", "alg": -7} in creation["pubKeyCredParams"]
    # A list of credentials would tell whose they are.
    assert request.get("allowCredentials", []) == []
    assert request["userVerification"] == "required"


async def test_an_assertion_is_used_once(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator(counts=False)
    await register(user, key)
    options = await begin(auth_app)
    assertion = key.get(options["options"])

    responses = await asyncio.gather(*(answer(auth_app, options, assertion) for _ in range(4)))

    assert sorted(response.status_code for response in responses) == [200, 400, 400, 400]
    assert {response.json().get("error_code") for response in responses} == {None, "webauthn_challenge_not_found"}


LIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another origin": ({"origin": "https://evil.example"}, {}),
    "another relying party": ({"rp_id": "evil.example"}, {}),
    "the user was not verified": ({"flags": USER_PRESENT}, {}),
    "another challenge": ({}, {"challenge": base64url(bytes(32))}),
    "an answer to a registration": ({}, {"type": "webauthn.create"}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_assertion_that_lies_is_refused(auth_app: AuthApp, lie: str) -> None:
    changes, client_data = LIES[lie]
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    await register(user, key)

    response = await sign_in(auth_app, replace(key, **changes), **client_data)

    assert error_of(response) == (400, "webauthn_verification_failed")


async def test_a_registration_without_user_verification_is_refused(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)

    response = await register(user, Authenticator(flags=USER_PRESENT))

    assert error_of(response) == (400, "webauthn_verification_failed")
    assert (await auth_app.get("/passkeys", user.token)).json() == []


async def test_unknown_and_wrong_credentials_look_alike(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    await register(user, key)
    stranger = Authenticator(user_handle=key.user_handle)
    forged = replace(stranger, credential_id=key.credential_id)
    of_another = replace(key, user_handle=str(uuid4()).encode())

    responses = [await sign_in(auth_app, authenticator) for authenticator in (stranger, forged, of_another)]

    bodies = [response.json() for response in responses]
    assert [error_of(response) for response in responses] == [(400, "webauthn_verification_failed")] * 3
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_counter_that_does_not_grow_is_refused(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    await register(user, key)
    copy = replace(key)
    assert (await sign_in(auth_app, key)).status_code == 200

    assert error_of(await sign_in(auth_app, copy)) == (400, "webauthn_verification_failed")


async def test_challenges_expire_and_belong_to_what_they_were_made_for(auth_app: AuthApp) -> None:
    user, other, key = await FactorUser.sign_up(auth_app), await FactorUser.sign_up(auth_app), Authenticator()
    registration = (await auth_app.post("/passkeys/registration/options", {}, user.token)).json()
    body = {"challenge_id": registration["challenge_id"], "credential": key.create(registration["options"])}

    by_another_user = await auth_app.post("/passkeys/registration/verify", body, other.token)
    as_sign_in = await answer(auth_app, registration, key.get(registration["options"]))
    auth_app.clock.advance(301)
    expired = await auth_app.post("/passkeys/registration/verify", body, user.token)
    again = await auth_app.post("/passkeys/registration/verify", body, user.token)

    assert error_of(by_another_user) == (400, "webauthn_challenge_not_found")
    assert error_of(as_sign_in) == (400, "webauthn_challenge_not_found")
    assert error_of(expired) == (400, "webauthn_challenge_expired")
    assert error_of(again) == (400, "webauthn_challenge_not_found")


async def test_a_passkey_is_one_users_and_managed_by_them_alone(auth_app: AuthApp) -> None:
    owner, stranger, key = await FactorUser.sign_up(auth_app), await FactorUser.sign_up(auth_app), Authenticator()
    passkey = (await register(owner, key)).json()
    path = f"/passkeys/{passkey['id']}"

    taken = await register(stranger, key)
    renamed_by_stranger = await auth_app.request("PATCH", path, stranger.token, json={"friendly_name": "Mine"})
    deleted_by_stranger = await auth_app.delete(path, stranger.token)
    renamed = await auth_app.request("PATCH", path, owner.token, json={"friendly_name": "Laptop"})
    too_long = await auth_app.request("PATCH", path, owner.token, json={"friendly_name": "x" * 121})
    key.user_handle = owner.id.encode()
    before = await sign_in(auth_app, key)
    deleted = await auth_app.delete(path, owner.token)
    after = await sign_in(auth_app, key)

    assert error_of(taken) == (422, "webauthn_credential_exists")
    assert error_of(renamed_by_stranger) == error_of(deleted_by_stranger) == (404, "validation_failed")
    assert renamed.json()["friendly_name"] == "Laptop"
    assert error_of(too_long) == (400, "validation_failed")
    assert (before.status_code, deleted.status_code) == (200, 204)
    assert error_of(after) == (400, "webauthn_verification_failed")


async def test_a_user_has_at_most_ten_passkeys(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    late = (await auth_app.post("/passkeys/registration/options", {}, user.token)).json()
    for _ in range(10):
        assert (await register(user, Authenticator())).status_code == 200

    options = await auth_app.post("/passkeys/registration/options", {}, user.token)
    body = {"challenge_id": late["challenge_id"], "credential": Authenticator().create(late["options"])}
    completed = await auth_app.post("/passkeys/registration/verify", body, user.token)

    assert error_of(options) == error_of(completed) == (422, "too_many_passkeys")


async def test_a_second_factor_guards_passkeys(auth_app: AuthApp) -> None:
    user, key = await FactorUser.with_totp(auth_app), Authenticator()
    passkey = (await register(user, key)).json()
    thief = await user.sign_in()

    added = await auth_app.post("/passkeys/registration/options", {}, thief.token)
    removed = await auth_app.delete(f"/passkeys/{passkey['id']}", thief.token)
    session = (await sign_in(auth_app, key)).json()

    assert error_of(added) == error_of(removed) == (403, "insufficient_aal")
    # It is what a user has; the second factor is asked for as after a password.
    assert claims_of(session["access_token"])["aal"] == "aal1"


async def test_banned_deleted_and_unconfirmed_accounts_do_not_sign_in(auth_app: AuthApp) -> None:
    users = [await FactorUser.sign_up(auth_app) for _ in range(3)]
    keys = [Authenticator() for _ in users]
    for user, key in zip(users, keys, strict=True):
        assert (await register(user, key)).status_code == 200
    banned, deleted, unconfirmed = users
    await auth_app.put(f"/admin/users/{banned.id}", {"ban_duration": "24h"}, auth_app.service_key)
    await auth_app.request(
        "DELETE", f"/admin/users/{deleted.id}", auth_app.service_key, json={"should_soft_delete": True}
    )
    async with auth_app.repository.transaction() as transaction:
        await transaction.execute("update auth.users set email_confirmed_at = null where id = $1", unconfirmed.id)

    responses = [await sign_in(auth_app, key) for key in keys]

    assert [error_of(response) for response in responses] == [
        (400, "user_banned"),
        (400, "webauthn_verification_failed"),
        (403, "email_not_confirmed"),
    ]


async def test_an_admin_lists_and_deletes_passkeys(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    passkey = (await register(user, key)).json()
    path = f"/admin/users/{user.id}/passkeys"

    as_user = await auth_app.get(path, user.token)
    listed = (await auth_app.get(path, auth_app.service_key)).json()
    deleted = await auth_app.delete(f"{path}/{passkey['id']}", auth_app.service_key)
    again = await auth_app.delete(f"{path}/{passkey['id']}", auth_app.service_key)

    assert as_user.status_code == 403
    assert [item["id"] for item in listed] == [passkey["id"]]
    assert deleted.status_code == 204
    assert again.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"challenge_id": "nonsense", "credential": {}},
        {"challenge_id": str(uuid4())},
        {"challenge_id": str(uuid4()), "credential": "text"},
        {"challenge_id": 1, "credential": {}},
    ],
)
async def test_a_malformed_answer_is_refused(auth_app: AuthApp, body: dict[str, Any]) -> None:
    user = await FactorUser.sign_up(auth_app)

    responses = [
        await auth_app.post("/passkeys/authentication/verify", body),
        await auth_app.post("/passkeys/registration/verify", body, user.token),
    ]

    assert [error_of(response) for response in responses] == [(400, "validation_failed")] * 2


async def test_production_accepts_the_origins_of_the_settings_alone(make_auth_app: MakeAuthApp) -> None:
    app = make_auth_app(
        autoconfirm=True,
        app_env="production",
        site_url="https://work.example",
        webauthn_origins=("https://app.work.example",),
    )
    user = await FactorUser.sign_up(app)
    statuses = {}
    for origin in (
        "https://work.example",
        "https://app.work.example",
        "http://localhost:8000",
        "https://x.work.example",
    ):
        key = Authenticator(rp_id="work.example", origin=origin)
        statuses[origin] = (await register(user, key)).status_code

    assert statuses == {
        "https://work.example": 200,
        "https://app.work.example": 200,
        "http://localhost:8000": 400,
        "https://x.work.example": 400,
    }
