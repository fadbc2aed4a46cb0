"""Phone factors over /auth/v1: their codes are text messages, and count as such."""

from __future__ import annotations

import pytest

from monynha.core.settings.setting_types import Limit
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import SMS_HOOK, AuthApp, MakeAuthApp, new_phone
from tests.domains.auth.second_factors import FactorUser, claims_of

pytestmark = pytest.mark.anyio


async def test_a_phone_factor_gets_its_code_by_text_message(phone_app: AuthApp) -> None:
    account = await phone_app.create_user()
    session = (await phone_app.sign_in(account["email"])).json()
    token, phone = session["access_token"], new_phone()

    enrolled = (await phone_app.post("/factors", {"factor_type": "phone", "phone": f"+{phone}"}, token)).json()
    path = f"/factors/{enrolled['id']}"
    challenge = (await phone_app.post(f"{path}/challenge", {"channel": "sms"}, token)).json()
    [code] = phone_app.codes_to(phone)
    wrong_code = f"{(int(code) + 1) % 1_000_000:06}"
    wrong = await phone_app.post(f"{path}/verify", {"challenge_id": challenge["id"], "code": wrong_code}, token)
    right = await phone_app.post(f"{path}/verify", {"challenge_id": challenge["id"], "code": code}, token)
    used = await phone_app.post(f"{path}/verify", {"challenge_id": challenge["id"], "code": code}, token)

    assert (enrolled["type"], enrolled["phone"], challenge["type"]) == ("phone", f"+{phone}", "phone")
    assert wrong.status_code == 422
    claims = claims_of(right.json()["access_token"])
    assert (claims["aal"], claims["amr"][0]["method"]) == ("aal2", "mfa/phone")
    assert used.status_code != 200
    # The number of a factor is not that of the account: nobody signs in with it.
    assert right.json()["user"]["phone"] == ""
    assert (await phone_app.post("/verify", {"type": "sms", "phone": phone, "token": code})).status_code == 403


async def test_codes_of_phone_factors_count_as_text_messages(make_auth_app: MakeAuthApp) -> None:
    limits = RateLimits(RateLimiter(None))
    app = make_auth_app(autoconfirm=True, limits=limits, limit_sms_number=Limit(1, 60), **SMS_HOOK)
    token, phone = (await app.sign_up())["access_token"], new_phone()
    factor = (await app.post("/factors", {"factor_type": "phone", "phone": phone}, token)).json()
    first = await app.post(f"/factors/{factor['id']}/challenge", {}, token)

    second = await app.post(f"/factors/{factor['id']}/challenge", {}, token)
    other = await app.post("/otp", {"phone": phone})

    assert first.status_code == 200
    assert (second.status_code, second.json()["error_code"]) == (429, "over_sms_send_rate_limit")
    assert other.status_code == 429
    assert len(app.texts) == 1


async def test_a_new_phone_number_needs_the_second_factor(make_auth_app: MakeAuthApp) -> None:
    app = make_auth_app(autoconfirm=True, phone_autoconfirm=True)
    user = await FactorUser.with_totp(app)
    thief = await user.sign_in()

    refused = await app.put("/user", {"phone": new_phone()}, thief.token)

    assert (refused.status_code, refused.json()["error_code"]) == (401, "insufficient_aal")
    assert (await app.put("/user", {"data": {"name": "Ada"}}, thief.token)).status_code == 200
