"""WebAuthn as a second factor, answered by a software authenticator, honest or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.domains.auth.authenticator import USER_PRESENT, Authenticator
from tests.domains.auth.conftest import AuthApp, MakeAuthApp
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio


async def request_options(user: FactorUser, factor_id: str) -> tuple[str, dict[str, Any]]:
    challenge = await user.webauthn_challenge(factor_id)
    assert challenge["webauthn"]["type"] == "request"
    return challenge["id"], challenge["webauthn"]["credential_options"]["publicKey"]


@pytest.mark.parametrize("attestation", ["none", "packed"])
async def test_a_security_key_raises_the_session_to_aal2(auth_app: AuthApp, attestation: str) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator(attestation=attestation)

    factor_id = await user.add_webauthn(key, friendly_name="Key")
    other = await user.sign_in()
    challenge_id, options = await request_options(other, factor_id)
    response = await other.answer(factor_id, challenge_id, "request", key.get(options))

    assert user.claims["aal"] == "aal2"
    assert user.claims["amr"][0]["method"] == "mfa/webauthn"
    assert response.status_code == 200, response.text
    other.session = response.json()
    assert other.claims["aal"] == "aal2"
    assert [(factor["factor_type"], factor["status"]) for factor in await other.factors()] == [("webauthn", "verified")]


async def test_the_options_name_this_site_and_the_credentials_that_exist(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    factor_id = await user.add_webauthn(key)
    second = (await auth_app.post("/factors", {"factor_type": "webauthn", "friendly_name": "B"}, user.token)).json()

    creation = (await user.webauthn_challenge(second["id"]))["webauthn"]
    _, request = await request_options(user, factor_id)

    options = creation["credential_options"]["publicKey"]
    assert creation["type"] == "create"
    assert options["rp"]["id"] == "localhost"
    assert options["user"]["name"] == user.email
    assert [credential["id"] for credential in options["excludeCredentials"]] == [key.create(options)["id"]]
    assert [credential["id"] for credential in request["allowCredentials"]] == [key.get(request)["id"]]
    assert request["rpId"] == "localhost"


LIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another origin": ({"origin": "https://evil.example"}, {}),
    "another origin that begins alike": ({"origin": "http://localhost.evil.example"}, {}),
    "another relying party": ({"rp_id": "evil.example"}, {}),
    "nobody is present": ({"flags": 0}, {}),
    "another challenge": ({}, {"challenge": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
    "another ceremony": ({}, {"type": "webauthn.payment"}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_lies_is_refused(auth_app: AuthApp, lie: str) -> None:
    changes, client_data = LIES[lie]
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    factor_id = await user.add_webauthn(key)
    challenge_id, options = await request_options(user, factor_id)
    second = (await auth_app.post("/factors", {"factor_type": "webauthn", "friendly_name": "B"}, user.token)).json()
    creation = await user.webauthn_challenge(second["id"])
    creation_options = creation["webauthn"]["credential_options"]["publicKey"]

    asserted = await user.answer(
        factor_id, challenge_id, "request", replace(key, **changes).get(options, **client_data)
    )
    created = await user.answer(
        second["id"], creation["id"], "create", Authenticator(**changes).create(creation_options, **client_data)
    )

    assert (asserted.status_code, asserted.json()["error_code"]) == (400, "webauthn_verification_failed")
    assert (created.status_code, created.json()["error_code"]) == (400, "webauthn_verification_failed")
    assert sorted(factor["status"] for factor in await user.factors()) == ["unverified", "verified"]


async def test_a_counter_that_does_not_grow_is_refused(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator(sign_count=5)
    factor_id = await user.add_webauthn(key)
    statuses = []
    for counter in (6, 5, 6, 7):
        key.sign_count = counter - 1
        challenge_id, options = await request_options(user, factor_id)
        response = await user.answer(factor_id, challenge_id, "request", key.get(options))
        statuses.append(response.status_code)
        if response.status_code == 200:
            user.session = response.json()

    assert statuses == [200, 400, 400, 200]


async def test_an_authenticator_that_counts_nothing_is_accepted(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator(counts=False)
    factor_id = await user.add_webauthn(key)
    for _ in range(2):
        challenge_id, options = await request_options(user, factor_id)
        response = await user.answer(factor_id, challenge_id, "request", key.get(options))
        assert response.status_code == 200, response.text
        user.session = response.json()


async def test_a_challenge_is_used_once_even_by_a_wrong_answer(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    factor_id = await user.add_webauthn(key)
    challenge_id, options = await request_options(user, factor_id)
    wrong = replace(key, origin="https://evil.example")

    refused = await user.answer(factor_id, challenge_id, "request", wrong.get(options))
    retried = await user.answer(factor_id, challenge_id, "request", key.get(options))

    assert refused.json()["error_code"] == "webauthn_verification_failed"
    assert retried.json()["error_code"] == "mfa_factor_not_found"


async def test_an_answer_with_another_key_is_refused(auth_app: AuthApp) -> None:
    user, key, other = await FactorUser.sign_up(auth_app), Authenticator(), Authenticator()
    factor_id = await user.add_webauthn(key)
    forged = replace(other, credential_id=key.credential_id, sign_count=9)
    responses = []
    for authenticator in (other, forged):
        challenge_id, options = await request_options(user, factor_id)
        responses.append(await user.answer(factor_id, challenge_id, "request", authenticator.get(options)))

    assert [response.json()["error_code"] for response in responses] == ["webauthn_verification_failed"] * 2


async def test_a_credential_is_registered_once(auth_app: AuthApp) -> None:
    key = Authenticator()
    owner, thief = await FactorUser.sign_up(auth_app), await FactorUser.sign_up(auth_app)
    await owner.add_webauthn(key)
    factor = (await auth_app.post("/factors", {"factor_type": "webauthn"}, thief.token)).json()
    challenge = await thief.webauthn_challenge(factor["id"])

    copied = key.create(challenge["webauthn"]["credential_options"]["publicKey"])
    response = await thief.answer(factor["id"], challenge["id"], "create", copied)

    assert (response.status_code, response.json()["error_code"]) == (422, "webauthn_credential_exists")


async def test_a_verified_factor_takes_no_other_credential(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    factor_id = await user.add_webauthn(key)
    challenge_id, options = await request_options(user, factor_id)
    creation = {**options, "user": {"id": "AAAA"}}

    response = await user.answer(factor_id, challenge_id, "create", Authenticator().create(creation))

    assert response.json()["error_code"] == "webauthn_verification_failed"


async def test_a_key_without_user_verification_is_a_second_factor(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)

    await user.add_webauthn(Authenticator(flags=USER_PRESENT))

    assert user.claims["aal"] == "aal2"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"webauthn": {"type": "other", "credential_response": {}}}, "WebAuthn type must be create or request"),
        ({"webauthn": {"type": "create"}}, "credential_response required"),
        ({"webauthn": 1}, "webauthn must be an object"),
        ({"code": "123456"}, "WebAuthn config required"),
    ],
)
async def test_a_malformed_answer_names_what_is_wrong(auth_app: AuthApp, body: dict[str, Any], message: str) -> None:
    user = await FactorUser.sign_up(auth_app)
    factor = (await auth_app.post("/factors", {"factor_type": "webauthn"}, user.token)).json()
    challenge = await user.webauthn_challenge(factor["id"])
    body = {"challenge_id": challenge["id"], **body}

    response = await auth_app.post(f"/factors/{factor['id']}/verify", body, user.token)

    assert (response.status_code, response.json()["msg"]) == (400, message)


async def test_a_site_at_an_address_has_no_webauthn(make_auth_app: MakeAuthApp) -> None:
    app = make_auth_app(autoconfirm=True, site_url="http://192.0.2.7:8000")
    user = await FactorUser.sign_up(app)

    factor = await app.post("/factors", {"factor_type": "webauthn"}, user.token)
    passkey = await app.post("/passkeys/authentication/options", {})

    assert factor.json()["error_code"] == "mfa_webauthn_enroll_not_enabled"
    assert (passkey.status_code, passkey.json()["error_code"]) == (404, "passkey_disabled")
    assert (await app.get("/settings")).json()["passkeys_enabled"] is False
