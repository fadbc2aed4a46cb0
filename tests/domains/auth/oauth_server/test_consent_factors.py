"""Which second factors the consent page asks for."""

from __future__ import annotations

import pytest

from monynha.core.errors import AppError
from monynha.domains.auth.oauth_server.consent_factors import ConsentFactors
from monynha.domains.auth.oauth_server.consent_sessions import BrowserState, ConsentUser
from monynha.domains.auth.services.sessions import ClientInfo
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.second_factors import FactorUser


async def sign_in(auth_app: AuthApp, user: FactorUser) -> ConsentUser:
    """Return the user in a new session, which has shown no second factor."""
    session = (await auth_app.sign_in(user.email)).json()
    actor = auth_app.auth.tokens.verify(session["access_token"])
    consent_user = await auth_app.auth.oauth_server.consent_sessions.find_user(BrowserState("n", actor.session_id))
    assert consent_user is not None
    return consent_user


async def test_nobody_is_asked_for_what_they_do_not_have(oauth_app: AuthApp) -> None:
    factors = ConsentFactors(oauth_app.auth.second_factors)
    plain = await sign_in(oauth_app, await FactorUser.sign_up(oauth_app))
    enrolled = await FactorUser.with_totp(oauth_app)

    assert not factors.can_confirm(plain)
    assert factors.can_confirm(await sign_in(oauth_app, enrolled))


async def test_a_code_is_checked_counted_and_used_once(oauth_app: AuthApp) -> None:
    factors, client = ConsentFactors(oauth_app.auth.second_factors), ClientInfo("203.0.113.7")
    user = await FactorUser.with_totp(oauth_app)
    oauth_app.clock.advance(30)
    first, second = await sign_in(oauth_app, user), await sign_in(oauth_app, user)

    for code in ("", "12345", "abcdefgh", "000000" if user.code != "000000" else "111111"):
        with pytest.raises(AppError):
            await factors.confirm(first, code, client)
    await factors.confirm(first, f" {user.code} ", client)
    with pytest.raises(AppError):
        await factors.confirm(second, user.code, client)
