"""Recovery codes over /auth/v1: shown once, used once, hashed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio
PATH = "/factors/recovery-codes"


async def generate(user: FactorUser, **body: Any) -> list[str]:
    response = await user.app.post(PATH, body, user.token)
    assert response.status_code == 200, response.text
    codes: list[str] = response.json()["codes"]
    return codes


async def verify(user: FactorUser, code: str) -> httpx.Response:
    return await user.app.post(f"{PATH}/verify", {"code": code}, user.token)


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error_code"]


async def test_a_code_raises_a_session_to_aal2(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    codes = await generate(user)
    other, third = await user.sign_in(), await user.sign_in()

    response = await verify(other, f" {codes[0][:4].upper()}-{codes[0][4:]} ")
    status = (await auth_app.get(PATH, other.token)).json()

    assert response.status_code == 200, response.text
    other.session = response.json()
    assert other.claims["aal"] == "aal2"
    assert [entry["method"] for entry in other.claims["amr"]] == ["mfa/recovery_code", "password"]
    assert (len(codes), status["total"], status["remaining"], status["type"]) == (10, 10, 9, "recovery_code")
    assert {factor["factor_type"] for factor in other.session["user"]["factors"]} == {"totp", "recovery_code"}
    assert error_of(await auth_app.get("/user", third.token)) == (403, "session_not_found")


async def test_a_code_is_used_once_even_by_requests_at_once(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    code = (await generate(user))[0]
    sessions = [await user.sign_in() for _ in range(4)]

    responses = await asyncio.gather(*(verify(session, code) for session in sessions))
    later = await verify(await user.sign_in(), code)

    assert [response.status_code for response in responses].count(200) == 1
    assert error_of(later) == (422, "mfa_verification_failed")


async def test_codes_need_another_factor_and_aal2(auth_app: AuthApp) -> None:
    without_factor = await FactorUser.sign_up(auth_app)
    user = await FactorUser.with_totp(auth_app)
    await generate(user)
    thief = await user.sign_in()

    assert error_of(await auth_app.post(PATH, {}, without_factor.token)) == (422, "mfa_recovery_codes_sole_factor")
    assert error_of(await auth_app.get(PATH, without_factor.token)) == (404, "mfa_factor_not_found")
    assert error_of(await verify(without_factor, "a" * 16)) == (422, "mfa_verification_failed")
    assert error_of(await auth_app.post(PATH, {}, user.token)) == (422, "mfa_verified_factor_exists")
    for method, path in (("POST", f"{PATH}/regenerate"), ("DELETE", PATH)):
        assert error_of(await auth_app.request(method, path, thief.token)) == (403, "insufficient_aal")


async def test_regenerated_codes_void_those_of_before(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    old = await generate(user, friendly_name="Paper")

    response = await auth_app.post(f"{PATH}/regenerate", None, user.token)
    new = response.json()["codes"]

    assert response.json()["friendly_name"] == "Paper"
    assert error_of(await verify(await user.sign_in(), old[0])) == (422, "mfa_verification_failed")
    assert (await verify(await user.sign_in(), new[0])).status_code == 200


async def test_wrong_codes_lock_the_set_until_it_is_regenerated(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    codes = await generate(user)
    thief = await user.sign_in()
    for _ in range(10):
        assert error_of(await verify(thief, "wrong")) == (422, "mfa_verification_failed")

    locked = await verify(thief, codes[0])
    new = (await auth_app.post(f"{PATH}/regenerate", None, user.token)).json()["codes"]
    unlocked = await verify(thief, new[0])

    assert error_of(locked) == (429, "mfa_recovery_codes_locked")
    assert unlocked.status_code == 200


async def test_codes_go_with_the_last_other_factor_and_lower_their_sessions(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    codes = await generate(user)
    other = await user.sign_in()
    other.session = (await verify(other, codes[0])).json()

    await auth_app.delete(f"/factors/{user.factor_id}", user.token)
    other.session = (await auth_app.refresh(other.session["refresh_token"])).json()

    assert await user.factors() == []
    assert other.claims["aal"] == "aal1"


async def test_codes_are_removed(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    await generate(user)

    removed = await auth_app.delete(PATH, user.token)
    again = await auth_app.delete(PATH, user.token)

    assert removed.status_code == 200
    assert error_of(again) == (404, "mfa_factor_not_found")
    assert [factor["factor_type"] for factor in await user.factors()] == ["totp"]


async def test_hashes_are_stored(auth_app: AuthApp) -> None:
    user = await FactorUser.with_totp(auth_app)
    codes = await generate(user)

    async with auth_app.repository.transaction() as transaction:
        rows = await transaction.fetch_rows("select c::text as text from auth.recovery_codes c")

    assert not any(code in row["text"] for row in rows for code in codes)
