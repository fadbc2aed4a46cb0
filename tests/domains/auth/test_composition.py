"""Composition of auth: defaults of what the program does not pass."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from monynha.core.settings.settings import Settings
from monynha.domains.auth import AuthServices, ClientInfo, SignUpRequest
from monynha.infra.postgres.database import Database
from tests.domains.auth.conftest import PASSWORD, new_email


async def test_without_limits_nothing_is_counted(database: Database, settings: Settings) -> None:
    auth = AuthServices.build(dataclasses.replace(settings, app_env="production"), database)

    for _ in range(100):
        assert await auth.rate_limits.count_sign_in("127.0.0.1", "ada@example.com") == ()
        await auth.rate_limits.count_email("ada@example.com")
    auth.close()


async def test_without_a_mailer_emails_are_written_to_the_mail_folder(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    settings = dataclasses.replace(settings, autoconfirm=False, data_dir=tmp_path)
    auth = AuthServices.build(settings, database)

    await auth.accounts.sign_up(SignUpRequest(new_email(), PASSWORD), ClientInfo("127.0.0.1"))

    assert len([*settings.mail_dir.glob("*.eml")]) == 1
    auth.close()
