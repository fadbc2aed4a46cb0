"""Rows of factors: how long one is locked, and how many challenges are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.factors.factor_repository import MAX_FAILED_ATTEMPTS, LockedFactor
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


def factor(**changes: Any) -> LockedFactor:
    values: dict[str, Any] = dict.fromkeys(LockedFactor.__slots__)
    values |= {"id": uuid4(), "user_id": uuid4(), "factor_type": FactorType.TOTP, "failed_attempts": 0}
    return LockedFactor(**{**values, **changes})


@pytest.mark.parametrize(
    ("attempts", "minutes_ago", "seconds"),
    [
        (MAX_FAILED_ATTEMPTS - 1, 1, 0),
        (MAX_FAILED_ATTEMPTS, 1, 3540),
        (MAX_FAILED_ATTEMPTS + 5, 59, 60),
        (MAX_FAILED_ATTEMPTS, 60, 0),
        (MAX_FAILED_ATTEMPTS, 600, 0),
    ],
)
def test_a_factor_is_locked_until_the_hour_of_its_wrong_codes_is_over(
    attempts: int, minutes_ago: int, seconds: int
) -> None:
    locked = factor(failed_attempts=attempts, failing_since=NOW - timedelta(minutes=minutes_ago))

    assert locked.seconds_locked(NOW) == seconds


def test_a_factor_without_a_name_is_called_by_its_type() -> None:
    assert factor().display_name == "TOTP"
    assert factor(friendly_name="App").display_name == "App"


async def test_the_newest_challenges_of_a_factor_are_kept(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp()
    first = await user.challenge()
    for _ in range(25):
        auth_app.clock.advance(1)
        last = await user.challenge()

    async with auth_app.repository.transaction() as transaction:
        count = await transaction.fetch_value(
            "select count(*) from auth.factor_challenges where factor_id = $1", user.factor_id
        )
    lost = await user.verify(user.code, first)
    kept = await user.verify(user.code, last)

    assert count == 20
    assert (lost.status_code, kept.status_code) == (422, 200)
