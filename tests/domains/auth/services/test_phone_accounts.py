"""Accounts with a phone number: sign-up, codes by text message, sign-in, and what nobody learns from them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import PASSWORD, SMS_HOOK, AuthApp, MakeAuthApp, new_email, new_phone

TEST_PHONE, TEST_CODE = "1234567890", "123456"


async def sign_up(auth_app: AuthApp, phone: str, password: str = PASSWORD, **fields: Any) -> dict[str, Any]:
    response = await auth_app.post("/signup", {"phone": phone, "password": password, **fields})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def verify(auth_app: AuthApp, phone: str, code: str, type: str = "sms") -> Any:
    return await auth_app.post("/verify", {"type": type, "phone": phone, "token": code})


async def sign_in(auth_app: AuthApp, phone: str, password: str = PASSWORD) -> Any:
    return await auth_app.post("/token?grant_type=password", {"phone": phone, "password": password})


async def signed_in(auth_app: AuthApp, phone: str) -> dict[str, Any]:
    """Return a session of a confirmed account with a password."""
    await sign_up(auth_app, phone)
    response = await verify(auth_app, phone, auth_app.codes_to(phone)[-1])
    assert response.status_code == 200, response.text
    session: dict[str, Any] = response.json()
    return session


async def test_a_sign_up_is_confirmed_by_the_code_and_then_signs_in_by_password(phone_app: AuthApp) -> None:
    phone = new_phone()

    signed_up = await sign_up(phone_app, f"+{phone}", data={"name": "Ada"})
    too_early = await sign_in(phone_app, phone)
    verified = await verify(phone_app, f"+{phone}", phone_app.codes_to(phone)[0])

    assert "access_token" not in signed_up
    assert (signed_up["phone"], signed_up["email"], signed_up["app_metadata"]["provider"]) == (phone, "", "phone")
    assert (too_early.status_code, too_early.json()["error_code"]) == (400, "phone_not_confirmed")
    session = verified.json()
    assert session["user"]["id"] == signed_up["id"]
    assert session["user"]["phone_confirmed_at"] == session["user"]["confirmed_at"]
    assert session["user"]["user_metadata"]["name"] == "Ada"
    [identity] = session["user"]["identities"]
    assert (identity["provider"], identity["identity_data"]["phone"]) == ("phone", phone)
    assert identity["identity_data"]["phone_verified"] is True
    again = (await sign_in(phone_app, phone)).json()
    assert again["user"]["id"] == signed_up["id"]
    assert (await phone_app.get("/user", again["access_token"])).json()["phone"] == phone


async def test_with_autoconfirm_a_sign_up_is_a_session_and_a_taken_number_is_named(make_auth_app: MakeAuthApp) -> None:
    auth_app, phone = make_auth_app(phone_autoconfirm=True), new_phone()

    session = await sign_up(auth_app, phone)
    taken = await auth_app.post("/signup", {"phone": phone, "password": PASSWORD})

    assert session["user"]["phone_confirmed_at"]
    assert (await sign_in(auth_app, phone)).status_code == 200
    assert (taken.status_code, taken.json()["error_code"]) == (422, "user_already_exists")
    assert auth_app.texts == []


async def test_a_code_signs_in_and_creates_the_account(phone_app: AuthApp) -> None:
    phone = new_phone()

    requested = await phone_app.post("/otp", {"phone": phone, "channel": "sms", "data": {"name": "Ada"}})
    session = (await verify(phone_app, phone, phone_app.codes_to(phone)[0])).json()
    await phone_app.post("/otp", {"phone": phone})
    again = (await verify(phone_app, phone, phone_app.codes_to(phone)[1])).json()

    assert (requested.status_code, requested.json()) == (200, {})
    assert again["user"]["id"] == session["user"]["id"]
    actor = phone_app.auth.tokens.verify(session["access_token"])
    assert '"method":"otp"' in actor.claims
    assert f'"phone":"{phone}"' in actor.claims


async def test_a_test_number_signs_in_with_its_fixed_code(phone_app: AuthApp) -> None:
    await phone_app.post("/otp", {"phone": TEST_PHONE})

    wrong = await verify(phone_app, TEST_PHONE, "654321")
    right = await verify(phone_app, TEST_PHONE, TEST_CODE)
    used = await verify(phone_app, TEST_PHONE, TEST_CODE)

    assert (wrong.status_code, wrong.json()["error_code"]) == (403, "otp_expired")
    assert right.json()["user"]["phone"] == TEST_PHONE
    assert used.status_code == 403


async def test_a_code_works_once_even_in_a_race(phone_app: AuthApp) -> None:
    phone = new_phone()
    await phone_app.post("/otp", {"phone": phone})
    code = phone_app.codes_to(phone)[0]

    responses = await asyncio.gather(*(verify(phone_app, phone, code) for _ in range(6)))

    assert sorted(response.status_code for response in responses) == [200, 403, 403, 403, 403, 403]


async def test_a_code_expires_and_a_newer_one_replaces_it(phone_app: AuthApp) -> None:
    phone = new_phone()
    await phone_app.post("/otp", {"phone": phone})
    await phone_app.post("/otp", {"phone": phone})
    old, new = phone_app.codes_to(phone)

    if old != new:
        assert (await verify(phone_app, phone, old)).status_code == 403
    phone_app.clock.advance(seconds=301)

    assert (await verify(phone_app, phone, new)).status_code == 403


async def test_ten_wrong_guesses_invalidate_a_code_and_a_new_code_does_not_reset_them(phone_app: AuthApp) -> None:
    phone = new_phone()
    await phone_app.post("/otp", {"phone": phone})
    code = phone_app.codes_to(phone)[0]
    for number in range(10):
        guess = f"{(int(code) + 1 + number) % 1_000_000:06}"
        assert (await verify(phone_app, phone, guess)).status_code == 403
    assert (await verify(phone_app, phone, code)).status_code == 403

    await phone_app.post("/otp", {"phone": phone})

    assert (await verify(phone_app, phone, phone_app.codes_to(phone)[-1])).status_code == 403


async def test_wrong_guesses_of_others_lock_out_no_known_device(make_auth_app: MakeAuthApp) -> None:
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(100, 900), auth_per_ip=Limit(1000, 900))
    auth_app, phone = make_auth_app(autoconfirm=False, limits=limits, **SMS_HOOK), new_phone()
    await signed_in(auth_app, phone)
    own_cookies = httpx.Cookies(auth_app.http.cookies)
    auth_app.http.cookies.clear()
    await auth_app.post("/otp", {"phone": phone})
    code = auth_app.codes_to(phone)[-1]
    for number in range(10):
        await verify(auth_app, phone, f"{(int(code) + 1 + number) % 1_000_000:06}")

    stranger = await verify(auth_app, phone, code)
    auth_app.http.cookies = own_cookies
    owner = await verify(auth_app, f"+{phone}", code)

    assert (stranger.status_code, owner.status_code) == (403, 200)


async def test_a_code_is_for_its_number_and_its_purpose_alone(phone_app: AuthApp) -> None:
    phone, other = new_phone(), new_phone()
    await phone_app.post("/otp", {"phone": phone})
    await phone_app.post("/otp", {"phone": other})
    code = phone_app.codes_to(phone)[0]

    assert (await verify(phone_app, phone, code, "phone_change")).status_code == 403
    if code != phone_app.codes_to(other)[0]:
        assert (await verify(phone_app, other, code)).status_code == 403
    assert (await phone_app.post("/verify", {"type": "sms", "token_hash": code})).status_code == 400
    assert (await phone_app.post("/verify", {"type": "email", "email": phone, "token": code})).status_code == 400
    assert (await verify(phone_app, phone, code)).status_code == 200


async def test_a_sign_up_with_a_taken_number_looks_like_a_new_one_and_sends_nothing(phone_app: AuthApp) -> None:
    phone, free = new_phone(), new_phone()
    session = await signed_in(phone_app, phone)
    before = len(phone_app.texts)

    taken = await sign_up(phone_app, phone, "the password of a thief", data={"name": "Thief"})
    new = await sign_up(phone_app, free, "the password of a thief", data={"name": "Thief"})

    assert taken.keys() == new.keys()
    assert taken["identities"][0].keys() == new["identities"][0].keys()
    assert taken["id"] != session["user"]["id"]
    assert [text.to for text in phone_app.texts[before:]] == [free]
    assert (await sign_in(phone_app, phone)).status_code == 200
    assert (await sign_in(phone_app, phone, "the password of a thief")).status_code == 400


async def test_a_password_that_a_stranger_set_before_does_not_survive_the_owner(phone_app: AuthApp) -> None:
    phone = new_phone()
    stranger = await sign_up(phone_app, phone, "the password of a stranger", data={"name": "Mallory"})

    await phone_app.post("/otp", {"phone": phone})
    owner = (await verify(phone_app, phone, phone_app.codes_to(phone)[-1])).json()

    assert owner["user"]["id"] != stranger["id"]
    assert "name" not in owner["user"]["user_metadata"]
    assert (await sign_in(phone_app, phone, "the password of a stranger")).status_code == 400


async def test_a_later_sign_up_replaces_an_unconfirmed_one_with_its_code(phone_app: AuthApp) -> None:
    phone = new_phone()
    await sign_up(phone_app, phone, "the first password")
    await sign_up(phone_app, phone, "the second password")
    first, second = phone_app.codes_to(phone)

    if first != second:
        assert (await verify(phone_app, phone, first)).status_code == 403
    assert (await verify(phone_app, phone, second)).status_code == 200
    assert (await sign_in(phone_app, phone, "the first password")).status_code == 400
    assert (await sign_in(phone_app, phone, "the second password")).status_code == 200


@pytest.mark.parametrize("path", ["/otp", "/resend"])
async def test_a_request_for_a_code_answers_alike_for_registered_and_unknown_numbers(
    make_auth_app: MakeAuthApp, path: str
) -> None:
    auth_app = make_auth_app(autoconfirm=False, response_step_s=0.3, **SMS_HOOK)
    registered, unknown = new_phone(), new_phone()
    await signed_in(auth_app, registered)
    sent = len(auth_app.texts)
    body = {"create_user": False} if path == "/otp" else {"type": "sms"}
    answers, durations = [], []

    for phone in (registered, unknown):
        started = asyncio.get_running_loop().time()
        response = await auth_app.post(path, {"phone": phone, **body})
        durations.append(asyncio.get_running_loop().time() - started)
        answers.append((response.status_code, response.json(), set(response.headers) - {"date"}))

    assert answers[0] == answers[1]
    assert min(durations) >= 0.3
    assert [text.to for text in auth_app.texts[sent:]] == ([registered] if path == "/otp" else [])
    assert (await verify(auth_app, unknown, "123456")).status_code == 403


async def test_a_wrong_password_and_an_unknown_number_answer_alike(phone_app: AuthApp) -> None:
    phone = new_phone()
    await signed_in(phone_app, phone)

    answers = [(await sign_in(phone_app, number, "a wrong password")).json() for number in (phone, new_phone(), "x")]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["error_code"] == "invalid_credentials"


async def test_resending_sends_the_pending_code_only(phone_app: AuthApp) -> None:
    phone = new_phone()
    await sign_up(phone_app, phone)

    await phone_app.post("/resend", {"type": "sms", "phone": phone})
    assert len(phone_app.codes_to(phone)) == 2
    assert (await verify(phone_app, phone, phone_app.codes_to(phone)[1])).status_code == 200
    assert (await sign_in(phone_app, phone)).status_code == 200

    await phone_app.post("/resend", {"type": "sms", "phone": phone})
    await phone_app.post("/resend", {"type": "phone_change", "phone": phone})
    assert len(phone_app.codes_to(phone)) == 2


async def test_a_banned_user_gets_no_code_and_no_session(phone_app: AuthApp) -> None:
    phone = new_phone()
    session = await signed_in(phone_app, phone)
    await phone_app.post("/otp", {"phone": phone})
    code = phone_app.codes_to(phone)[-1]
    path = f"/admin/users/{session['user']['id']}"
    await phone_app.put(path, {"ban_duration": "24h"}, phone_app.service_key)

    verified = await verify(phone_app, phone, code)
    await phone_app.post("/otp", {"phone": phone})

    assert (verified.status_code, verified.json()["error_code"]) == (403, "user_banned")
    assert phone_app.codes_to(phone)[-1] == code
    assert (await sign_in(phone_app, phone)).json()["error_code"] == "user_banned"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/signup", {"phone": "123-invalid", "password": PASSWORD}, 400, "validation_failed"),
        ("/signup", {"phone": "15551234567"}, 400, "validation_failed"),
        ("/signup", {"phone": "15551234567", "password": "short"}, 422, "weak_password"),
        ("/signup", {"phone": 15551234567, "password": PASSWORD}, 400, "validation_failed"),
        ("/signup", {"phone": "15551234567", "email": "a@b.co", "password": PASSWORD}, 400, "validation_failed"),
        ("/otp", {"phone": "nobody"}, 400, "validation_failed"),
        ("/otp", {"phone": "15551234567", "email": "a@b.co"}, 400, "validation_failed"),
        ("/otp", {"phone": "15551234567", "channel": "pigeon"}, 400, "validation_failed"),
        ("/otp", {"phone": "15551234567", "data": "x"}, 400, "validation_failed"),
        ("/resend", {"type": "sms"}, 400, "validation_failed"),
        ("/resend", {"type": "sms", "email": "a@b.co"}, 400, "validation_failed"),
        ("/resend", {"type": "fax", "phone": "15551234567"}, 400, "validation_failed"),
        ("/verify", {"type": "sms", "token": "123456"}, 400, "validation_failed"),
        ("/verify", {"type": "sms", "phone": "15551234567"}, 400, "validation_failed"),
        ("/verify", {"type": "sms", "phone": "x", "token": "123456"}, 400, "validation_failed"),
        ("/verify", {"type": "sms", "phone": "15551234567", "email": "a@b.co", "token": "1"}, 400, "validation_failed"),
        ("/verify", {"type": "sms", "phone": "15551234567", "token": "x" * 9000}, 403, "otp_expired"),
    ],
)
async def test_an_invalid_request_is_refused(
    phone_app: AuthApp, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    response = await phone_app.post(path, body)

    assert (response.status_code, response.json()["error_code"]) == (status, code), response.text
    assert phone_app.texts == []


async def test_an_invalid_number_is_refused_in_the_words_of_the_wire(phone_app: AuthApp) -> None:
    response = await verify(phone_app, "1555-invalid", "123456")

    assert response.json()["msg"] == "Invalid phone number format (E.164 required)"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/signup", {"password": PASSWORD}, 400),
        ("/token?grant_type=password", {"password": PASSWORD}, 422),
        ("/otp", {}, 422),
        ("/resend", {"type": "sms"}, 422),
    ],
)
async def test_without_any_way_to_send_there_are_no_phone_accounts(
    auth_app: AuthApp, path: str, body: dict[str, Any], status: int
) -> None:
    response = await auth_app.post(path, {"phone": "15551234567", **body})

    assert (response.status_code, response.json()["error_code"]) == (status, "phone_provider_disabled")


async def test_with_test_numbers_alone_all_others_are_refused_before_they_are_looked_up(
    make_auth_app: MakeAuthApp,
) -> None:
    auth_app = make_auth_app(sms_test_otps=(f"{TEST_PHONE}={TEST_CODE}",))

    refused = await auth_app.post("/otp", {"phone": new_phone()})

    assert (refused.status_code, refused.json()["error_code"]) == (422, "sms_send_failed")
    assert (await auth_app.post("/otp", {"phone": TEST_PHONE})).status_code == 200


async def test_closed_sign_ups_close_those_by_phone_too(make_auth_app: MakeAuthApp) -> None:
    auth_app, phone = make_auth_app(signup="off", **SMS_HOOK), new_phone()

    signed_up = await auth_app.post("/signup", {"phone": phone, "password": PASSWORD})
    requested = await auth_app.post("/otp", {"phone": phone})

    assert (signed_up.status_code, signed_up.json()["error_code"]) == (422, "signup_disabled")
    assert requested.status_code == 200
    assert auth_app.texts == []
    assert auth_app.hook.created_accounts == []


async def test_messages_are_limited_by_number_by_address_and_in_all(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(
        autoconfirm=False,
        limits=RateLimits(RateLimiter(None)),
        limit_sms_number=Limit(1, 60),
        limit_sms=Limit(3, 3600),
        **SMS_HOOK,
    )
    phone = new_phone()

    first = await auth_app.post("/otp", {"phone": phone})
    again = await auth_app.post(
        "/otp", {"phone": f"+{phone[:3]} {phone[3:]}"}, headers={"X-Supabase-Api-Version": "2024-01-01"}
    )
    resent = await auth_app.post("/resend", {"type": "sms", "phone": phone})
    others = [(await auth_app.post("/otp", {"phone": new_phone()})).status_code for _ in range(3)]

    assert first.status_code == 200
    assert (again.status_code, again.json()["code"]) == (429, "over_sms_send_rate_limit")
    assert "you can only request this after" in again.json()["message"]
    assert int(again.headers["retry-after"]) > 0
    assert resent.status_code == 429
    assert others == [200, 200, 429]
    assert len(auth_app.texts) == 3


async def test_an_account_with_both_keeps_its_password_when_a_code_confirms_the_number(phone_app: AuthApp) -> None:
    email, phone = new_email(), new_phone()
    await phone_app.create_user(email=email, phone=phone)

    await phone_app.post("/otp", {"phone": phone})
    verified = await verify(phone_app, phone, phone_app.codes_to(phone)[0])

    assert verified.json()["user"]["email"] == email
    assert (await phone_app.sign_in(email)).status_code == 200
    assert (await sign_in(phone_app, phone)).status_code == 200
