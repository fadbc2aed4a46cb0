"""What admins do with the factors of a user."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.factors.errors import FactorNameConflictError, FactorNotFoundError
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio


async def test_a_name_is_unique_and_short(auth_app: AuthApp) -> None:
    user, admin = await FactorUser.with_totp(auth_app), auth_app.auth.second_factors.admin
    await user.enrol_totp(friendly_name="Second")
    user_id, factor_id = UUID(user.id), UUID(user.factor_id)
    first = next(factor.id for factor in await admin.list_factors(user_id) if factor.id != factor_id)

    with pytest.raises(FactorNameConflictError):
        await admin.update(user_id, first, "Second", None)
    with pytest.raises(InvalidAuthRequestError):
        await admin.update(user_id, first, "x" * 256, None)
    renamed = await admin.update(user_id, first, "First", "+491701234567")

    # A number belongs to phone factors.
    assert (renamed.friendly_name, renamed.phone) == ("First", None)


async def test_a_factor_is_that_of_the_named_user(auth_app: AuthApp) -> None:
    user, other = await FactorUser.with_totp(auth_app), await FactorUser.sign_up(auth_app)
    admin = auth_app.auth.second_factors.admin

    with pytest.raises(FactorNotFoundError):
        await admin.delete(UUID(other.id), UUID(user.factor_id))

    assert len(await user.factors()) == 1
