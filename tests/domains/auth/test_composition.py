"""Composition of auth: defaults of what the program does not pass."""

from __future__ import annotations

import dataclasses

from monynha.core.settings.settings import Settings
from monynha.domains.auth import AuthServices
from monynha.infra.postgres.database import Database


async def test_without_limits_nothing_is_counted(database: Database, settings: Settings) -> None:
    auth = AuthServices.build(dataclasses.replace(settings, app_env="production"), database)

    for _ in range(100):
        assert await auth.rate_limits.count_sign_in("127.0.0.1", "ada@example.com") == ()
        await auth.rate_limits.count_email("ada@example.com")
    auth.close()
