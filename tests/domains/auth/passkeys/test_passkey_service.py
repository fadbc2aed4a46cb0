"""Challenges of passkeys, which anybody may ask for, do not pile up; requests for them are limited by address."""

from __future__ import annotations

import pytest

from monynha.core.settings.setting_types import Limit
from monynha.domains.auth.passkeys.passkey import default_name
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import AuthApp, MakeAuthApp

pytestmark = pytest.mark.anyio


async def count_challenges(app: AuthApp) -> int:
    async with app.repository.transaction() as transaction:
        count = await transaction.fetch_value(
            "select count(*) from auth.factor_challenges where expires_at <= $1", app.clock()
        )
    assert isinstance(count, int)
    return count


async def test_expired_challenges_are_deleted_by_those_that_follow(auth_app: AuthApp) -> None:
    for _ in range(15):
        await auth_app.post("/passkeys/authentication/options", {})
    auth_app.clock.advance(301)
    before = await count_challenges(auth_app)
    for _ in range(2):
        await auth_app.post("/passkeys/authentication/options", {})

    assert before >= 15
    assert await count_challenges(auth_app) <= max(0, before - 20)


async def test_requests_for_challenges_are_limited_by_address(make_auth_app: MakeAuthApp) -> None:
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(5, 900))
    app = make_auth_app(autoconfirm=True, limits=limits)

    statuses = [(await app.post("/passkeys/authentication/options", {})).status_code for _ in range(301)]

    assert statuses == [200] * 300 + [429]


def test_well_known_authenticators_have_names() -> None:
    assert default_name("fbfc3007-154e-4ecc-8c0b-6e020557d7bd") == "iCloud Keychain"
    assert default_name("00000000-0000-0000-0000-000000000000") == "Passkey"
