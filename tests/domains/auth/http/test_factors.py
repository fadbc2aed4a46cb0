"""Second factors over /auth/v1: what official clients send, and what an attacker does."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from monynha.core.errors import InsufficientAalError
from tests.domains.auth.authenticator import Authenticator
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio


async def test_a_totp_factor_raises_the_session_to_aal2(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    before = user.claims

    enrolment = (await user.enrol_totp(friendly_name="Phone app", issuer="Example")).json()
    session = await user.verify_totp()

    claims = user.claims
    assert enrolment["type"] == "totp"
    assert enrolment["friendly_name"] == "Phone app"
    assert enrolment["totp"]["qr_code"].startswith("<svg ")
    assert "#" not in enrolment["totp"]["qr_code"]
    assert enrolment["totp"]["uri"].startswith(f"otpauth://totp/Example:{user.email}?")
    assert f"secret={enrolment['totp']['secret']}" in enrolment["totp"]["uri"]
    assert claims["aal"] == "aal2"
    assert claims["session_id"] == before["session_id"]
    assert [entry["method"] for entry in claims["amr"]] == ["totp", "password"]
    assert session["refresh_token"]
    assert [(factor["status"], factor["friendly_name"]) for factor in session["user"]["factors"]] == [
        ("verified", "Phone app")
    ]


async def test_tokens_stay_at_aal2_when_they_are_refreshed(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)

    refreshed = (await auth_app.refresh(user.session["refresh_token"])).json()

    user.session = refreshed
    assert user.claims["aal"] == "aal2"
    assert [entry["method"] for entry in user.claims["amr"]] == ["totp", "password"]


async def test_a_refresh_token_of_before_the_verification_gets_no_aal2(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    old_token = user.session["refresh_token"]
    await user.enrol_totp()
    await user.verify_totp()

    early = await auth_app.refresh(old_token)
    still_valid = await auth_app.refresh(user.session["refresh_token"])
    auth_app.clock.advance(3600)
    late = await auth_app.refresh(old_token)
    afterwards = await auth_app.refresh(still_valid.json()["refresh_token"])

    assert early.status_code == 400
    assert early.json()["error_code"] == "refresh_token_already_used"
    assert still_valid.status_code == 200
    assert late.status_code == 400
    # Somebody has a copy of it, so the session is over.
    assert afterwards.json()["error_code"] == "session_not_found"


async def test_a_code_is_accepted_once(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)

    again = await user.verify(user.code, await user.challenge())

    assert again.status_code == 422
    assert again.json()["error_code"] == "mfa_verification_failed"


async def test_a_code_that_two_requests_send_at_once_is_accepted_once(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    sessions = [await user.sign_in() for _ in range(4)]
    challenges = [await session.challenge() for session in sessions]
    auth_app.clock.advance(30)

    responses = await asyncio.gather(
        *(session.verify(session.code, challenge) for session, challenge in zip(sessions, challenges, strict=True))
    )

    statuses = sorted(response.status_code for response in responses)
    # The others have a wrong code by then, or their session was ended with all that had only aal1.
    assert statuses[0] == 200
    assert 200 not in statuses[1:]


async def test_codes_of_one_period_before_and_after_are_accepted_and_no_others(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp()
    results = []
    for offset in (-60, 60, -30, 30):
        challenge = await user.challenge()
        auth_app.clock.advance(offset)
        code = user.code
        auth_app.clock.advance(-offset)
        results.append((await user.verify(code, challenge)).status_code)

    assert results == [422, 422, 200, 200]


async def test_an_earlier_code_is_refused_after_a_later_one(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    auth_app.clock.advance(30)
    earlier = user.code
    auth_app.clock.advance(30)
    later = user.code

    first = await user.verify(later, await user.challenge())
    second = await user.verify(earlier, await user.challenge())

    assert (first.status_code, second.status_code) == (200, 422)


async def test_wrong_codes_are_counted_and_lock_the_factor(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    thief = await user.sign_in()
    auth_app.clock.advance(30)
    for _ in range(10):
        response = await thief.verify("000000", await thief.challenge())
        assert response.status_code == 422, response.text

    locked = await user.verify(user.code, await user.challenge())
    auth_app.clock.advance(3600)
    user.session = (await auth_app.refresh(user.session["refresh_token"])).json()
    unlocked = await user.verify(user.code, await user.challenge())

    assert locked.status_code == 429
    assert locked.json()["error_code"] == "over_request_rate_limit"
    assert int(locked.headers["retry-after"]) > 3000
    assert unlocked.status_code == 200


async def test_racing_guesses_are_all_counted(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    challenge = await user.challenge()

    responses = await asyncio.gather(*(user.verify(f"{number:06}", challenge) for number in range(30)))

    statuses = [response.status_code for response in responses]
    assert statuses.count(429) == 20


async def test_a_challenge_belongs_to_its_session_and_expires(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    other = await user.sign_in()
    challenge = await user.challenge()
    auth_app.clock.advance(30)

    foreign = await other.verify(other.code, challenge)
    auth_app.clock.advance(300)
    expired = await user.verify(user.code, challenge)

    assert foreign.json()["error_code"] == "mfa_factor_not_found"
    assert (expired.status_code, expired.json()["error_code"]) == (422, "mfa_challenge_expired")


async def test_a_challenge_is_answered_once(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp()
    challenge = await user.challenge()
    assert (await user.verify(user.code, challenge)).status_code == 200
    auth_app.clock.advance(30)

    response = await user.verify(user.code, challenge)

    assert (response.status_code, response.json()["error_code"]) == (422, "mfa_factor_not_found")


async def test_nobody_reaches_the_factor_of_another_user(auth_app: AuthApp) -> None:
    owner, stranger = await FactorUser.with_totp(auth_app), await FactorUser.with_totp(auth_app)
    challenge = await owner.challenge()
    auth_app.clock.advance(30)
    path = f"/factors/{owner.factor_id}"

    responses = [
        await auth_app.post(f"{path}/challenge", {}, stranger.token),
        await auth_app.post(f"{path}/verify", {"challenge_id": challenge, "code": owner.code}, stranger.token),
        await auth_app.delete(path, stranger.token),
    ]

    assert [(response.status_code, response.json()["error_code"]) for response in responses] == [
        (404, "mfa_factor_not_found")
    ] * 3
    assert len(await owner.factors()) == 1


async def test_other_sessions_end_when_a_factor_is_verified(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    other = await user.sign_in()
    await user.enrol_totp()
    await user.verify_totp()

    refused = await auth_app.get("/user", other.token)

    assert refused.json()["error_code"] == "session_not_found"
    assert (await auth_app.get("/user", user.token)).status_code == 200


async def test_a_session_at_aal1_cannot_change_factors_password_or_address(auth_app: AuthApp) -> None:
    owner = await FactorUser.with_totp(auth_app)
    thief = await owner.sign_in()

    responses = [
        await thief.enrol_totp(friendly_name="Mine"),
        await auth_app.delete(f"/factors/{owner.factor_id}", thief.token),
        await auth_app.put("/user", {"password": "another horse battery"}, thief.token),
        await auth_app.put("/user", {"email": new_email("thief")}, thief.token),
        await auth_app.post("/factors/recovery-codes", {}, thief.token),
        await auth_app.post("/passkeys/registration/options", {}, thief.token),
    ]
    harmless = await auth_app.put("/user", {"data": {"name": "Ada"}}, thief.token)

    assert [(response.status_code, response.json()["error_code"]) for response in responses] == [
        (403, "insufficient_aal"),
        (422, "insufficient_aal"),
        (401, "insufficient_aal"),
        (401, "insufficient_aal"),
        (403, "insufficient_aal"),
        (403, "insufficient_aal"),
    ]
    assert harmless.status_code == 200


async def test_a_factor_enrolled_before_the_first_was_verified_needs_aal2(auth_app: AuthApp) -> None:
    user, key = await FactorUser.sign_up(auth_app), Authenticator()
    thief = await user.sign_in()
    await user.enrol_totp()
    enrolled = (await auth_app.post("/factors", {"factor_type": "webauthn"}, thief.token)).json()["id"]
    challenge = await thief.webauthn_challenge(enrolled)
    await user.verify_totp()
    thief = await user.sign_in()

    challenged = await auth_app.post(f"/factors/{enrolled}/challenge", {}, thief.token)
    credential = key.create(challenge["webauthn"]["credential_options"]["publicKey"])
    verified = await thief.answer(enrolled, challenge["id"], "create", credential)

    for response in (challenged, verified):
        assert (response.status_code, response.json()["error_code"]) == (403, "insufficient_aal"), response.text
    assert {factor["factor_type"]: factor["status"] for factor in await user.factors()}["webauthn"] == "unverified"


async def test_a_token_of_before_the_verification_keeps_aal1(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    stolen = user.token
    await user.enrol_totp()
    await user.verify_totp()

    removed = await auth_app.delete(f"/factors/{user.factor_id}", stolen)
    changed = await auth_app.put("/user", {"password": "another horse battery"}, stolen)

    assert removed.json()["error_code"] == "insufficient_aal"
    assert changed.json()["error_code"] == "insufficient_aal"


async def test_unenrolling_lowers_the_session(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    other = await user.sign_in()
    await other.verify_totp()

    response = await auth_app.delete(f"/factors/{user.factor_id}", user.token)
    levels = []
    for session in (user, other):
        session.session = (await auth_app.refresh(session.session["refresh_token"])).json()
        levels.append((session.claims["aal"], [entry["method"] for entry in session.claims["amr"]]))

    assert (response.status_code, response.json()) == (200, {"id": user.factor_id})
    assert levels == [("aal1", ["password"]), ("aal1", ["password"])]
    assert await user.factors() == []


async def test_a_session_that_was_raised_by_another_factor_stays_at_aal2(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    first_factor = user.factor_id
    await user.enrol_totp(friendly_name="Second")
    await user.verify_totp()

    await auth_app.delete(f"/factors/{first_factor}", user.token)
    user.session = (await auth_app.refresh(user.session["refresh_token"])).json()

    assert user.claims["aal"] == "aal2"


async def test_a_verification_deletes_unverified_factors_of_its_type(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp(friendly_name="Lost")
    auth_app.clock.advance(1)
    await auth_app.post("/factors", {"factor_type": "webauthn", "friendly_name": "Key"}, user.token)
    auth_app.clock.advance(1)
    await user.enrol_totp(friendly_name="Kept")

    await user.verify_totp()

    assert [factor["friendly_name"] for factor in await user.factors()] == ["Key", "Kept"]


async def test_an_enrolment_that_was_abandoned_makes_way_for_the_next(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp(friendly_name="App")
    conflict = await user.enrol_totp(friendly_name="App")
    auth_app.clock.advance(301)

    again = await user.enrol_totp(friendly_name="App")

    assert (conflict.status_code, conflict.json()["error_code"]) == (422, "mfa_factor_name_conflict")
    assert again.status_code == 200
    assert len(await user.factors()) == 1


async def test_a_user_has_at_most_ten_factors(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    for _ in range(10):
        assert (await user.enrol_totp()).status_code == 200

    response = await user.enrol_totp()

    assert (response.status_code, response.json()["error_code"]) == (422, "too_many_enrolled_mfa_factors")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "factor_type needs to be totp, phone, or webauthn"),
        ({"factor_type": "recovery_code"}, "factor_type needs to be totp, phone, or webauthn"),
        ({"factor_type": 1}, "factor_type must be a string"),
        ({"factor_type": "totp", "friendly_name": "x" * 256}, "friendly_name must be at most 255 characters"),
        ({"factor_type": "totp", "friendly_name": "a\x00b"}, "friendly_name must be at most 255 characters"),
    ],
)
async def test_an_invalid_enrolment_is_refused(auth_app: AuthApp, body: dict[str, Any], message: str) -> None:
    user = await FactorUser.sign_up(auth_app)

    response = await auth_app.post("/factors", body, user.token)

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
    assert message in response.json()["msg"]


async def test_phone_factors_need_something_that_sends_messages(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)

    response = await auth_app.post("/factors", {"factor_type": "phone", "phone": "+15551234567"}, user.token)

    assert (response.status_code, response.json()["error_code"]) == (422, "mfa_phone_enroll_not_enabled")


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12\x003456", " 123456"])
async def test_what_is_no_code_is_a_wrong_code(auth_app: AuthApp, code: str) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp()

    response = await user.verify(code, await user.challenge())

    assert response.status_code in (400, 422)


async def test_requests_without_a_session_are_refused(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    sessionless = auth_app.api_key("authenticated", sub=user.id)

    anonymous = await auth_app.post("/factors", {"factor_type": "totp"})
    without_session = await auth_app.post("/factors", {"factor_type": "totp"}, sessionless)
    malformed = await auth_app.delete("/factors/nonsense", user.token)
    unknown = await auth_app.delete(f"/factors/{uuid4()}", user.token)

    assert "Bearer token" in anonymous.json()["msg"]
    assert (without_session.status_code, without_session.json()["error_code"]) == (403, "session_not_found")
    assert (malformed.status_code, malformed.json()["error_code"]) == (404, "validation_failed")
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "mfa_factor_not_found")


async def test_the_secret_is_stored_encrypted_and_shown_once(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)

    async with auth_app.repository.transaction() as transaction:
        row = await transaction.fetch_row("select f::text as text, encrypted_secret from auth.factors f")
        stored = await transaction.fetch_value(
            "select encrypted_secret from auth.factors where user_id = $1", user.claims["sub"]
        )

    assert row is not None
    assert isinstance(stored, bytes)
    assert user.secret not in stored
    assert "totp" not in str((await auth_app.get("/user", user.token)).json()["factors"][0].get("totp", ""))
    assert user.secret.hex() not in row["text"]


async def test_a_password_reset_does_not_pass_the_second_factor(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    await auth_app.post("/recover", {"email": user.email})
    link = auth_app.emails_to(user.email)[-1].link
    recovered = await auth_app.follow(link)
    token = recovered.headers["location"].split("access_token=")[1].split("&")[0]

    response = await auth_app.put("/user", {"password": "another horse battery"}, token)

    assert response.json()["error_code"] == "insufficient_aal"
    assert (await auth_app.sign_in(user.email, PASSWORD)).status_code == 200


async def test_an_admin_lists_renames_and_deletes_factors(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    path = f"/admin/users/{user.id}/factors"

    listed = (await auth_app.get(path, auth_app.service_key)).json()
    renamed = await auth_app.put(f"{path}/{user.factor_id}", {"friendly_name": "Renamed"}, auth_app.service_key)
    as_user = await auth_app.delete(f"{path}/{user.factor_id}", user.token)
    deleted = await auth_app.delete(f"{path}/{user.factor_id}", auth_app.service_key)
    again = await auth_app.delete(f"{path}/{user.factor_id}", auth_app.service_key)
    user.session = (await auth_app.refresh(user.session["refresh_token"])).json()

    assert [factor["id"] for factor in listed] == [user.factor_id]
    assert renamed.json()["friendly_name"] == "Renamed"
    assert as_user.status_code == 403
    assert (deleted.status_code, deleted.json()["id"]) == (200, user.factor_id)
    assert again.status_code == 404
    assert user.claims["aal"] == "aal1"


async def test_an_admin_asks_for_the_factors_of_an_account_that_exists(auth_app: AuthApp) -> None:
    user, nobody, factor = await auth_app.create_user(), uuid4(), uuid4()

    empty = await auth_app.get(f"/admin/users/{user['id']}/factors", auth_app.service_key)
    unknown = [
        await auth_app.get(f"/admin/users/{nobody}/factors", auth_app.service_key),
        await auth_app.delete(f"/admin/users/{nobody}/factors/{factor}", auth_app.service_key),
        await auth_app.put(f"/admin/users/{nobody}/factors/{factor}", {}, auth_app.service_key),
    ]
    malformed = await auth_app.get("/admin/users/x/factors", auth_app.service_key)

    assert (empty.status_code, empty.json()) == (200, [])
    assert [(response.status_code, response.json()["error_code"]) for response in unknown] == [
        (404, "user_not_found")
    ] * 3
    assert (malformed.status_code, malformed.json()["error_code"]) == (404, "validation_failed")


async def test_a_deleted_account_leaves_no_factors(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)

    await auth_app.request("DELETE", f"/admin/users/{user.id}", auth_app.service_key, json={"should_soft_delete": True})

    async with auth_app.repository.transaction() as transaction:
        count = await transaction.fetch_value(
            "select count(*) from auth.factors where user_id = $1", user.claims["sub"]
        )
    assert count == 0


async def test_verifications_count_as_sign_in_attempts(make_auth_app: MakeAuthApp) -> None:
    user = await FactorUser.with_totp(make_auth_app(autoconfirm=True))

    response = await user.verify("000000", await user.challenge())

    assert response.status_code == 422


async def test_the_database_refuses_a_password_alone_where_a_factor_is_verified(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    thief = await user.sign_in()

    allowed = await auth_app.fetch_json(user.token, "select to_json(auth.is_aal2())")
    with pytest.raises(InsufficientAalError):
        await auth_app.fetch_json(thief.token, "select to_json(1)")

    assert allowed == b"true"
