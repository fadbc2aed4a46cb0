"""Recovery codes: what they look like, and what is stored of them."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.domains.auth.factors.factor_session import FactorSession
from monynha.domains.auth.factors.recovery_codes import ALPHABET, CODE_COUNT, CODE_LENGTH, RecoveryCodeService
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio


async def test_codes_are_ten_random_texts_without_look_alikes(auth_app: AuthApp) -> None:
    user, claims = await FactorUser.with_totp(auth_app), None
    claims = user.claims
    session = FactorSession(UUID(claims["sub"]), UUID(claims["session_id"]), True)

    codes = (await auth_app.auth.second_factors.recovery_codes.generate(session, None)).codes

    assert len(set(codes)) == CODE_COUNT
    assert {len(code) for code in codes} == {CODE_LENGTH}
    assert set("".join(codes)) <= set(ALPHABET)
    assert set("01ilo").isdisjoint(ALPHABET)


def test_the_key_depends_on_the_secret() -> None:
    assert RecoveryCodeService.derive_key("a" * 32) != RecoveryCodeService.derive_key("b" * 32)
