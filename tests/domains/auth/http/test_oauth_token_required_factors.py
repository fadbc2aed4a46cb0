"""MONYNHA_REQUIRE_MFA and applications: no tokens for them by who has a second factor and has not shown it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.connect import with_session_setting
from monynha.infra.postgres.database import Database
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.oauth_clients import Application
from tests.domains.auth.second_factors import FactorUser

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database: Database, running_servers: ServerUrls) -> AsyncIterator[Database]:
    """Return the migrated database where the second factor that somebody has is required."""
    strict_database = await Database.open(
        with_session_setting(running_servers.database_url, "monynha.require_mfa", "enrolled"), size=2
    )
    yield strict_database
    await strict_database.close()


async def test_a_session_that_lacks_the_second_factor_gets_an_application_no_tokens(oauth_app: AuthApp) -> None:
    strong = await FactorUser.with_totp(oauth_app)
    weak = await strong.sign_in()
    application = await Application.register(oauth_app)

    refused, granted = [
        await application.exchange(await application.code_for(token, scope="openid email"))
        for token in (weak.token, strong.token)
    ]

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert granted.status_code == 200
