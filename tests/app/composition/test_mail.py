"""What sends mail by the settings, and templates of the operator that are checked at the start."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from monynha.app.composition.application import build
from monynha.app.composition.mail import TEMPLATES_FOLDER, email_sender
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.mail import CopyingMailer, FolderMailer
from monynha.infra.mail.smtp_mailer import SmtpMailer

SMTP_URL = "smtp://127.0.0.1:1"


@pytest.mark.parametrize(
    ("smtp_url", "app_env", "mailer_type"),
    [
        (None, "development", FolderMailer),
        (None, "production", FolderMailer),
        (SMTP_URL, "development", CopyingMailer),
        (SMTP_URL, "production", SmtpMailer),
    ],
)
def test_mail_goes_to_the_server_of_the_settings_and_in_development_to_the_folder(
    smtp_url: str | None, app_env: str, mailer_type: type
) -> None:
    settings = replace(Settings.read({}), smtp_url=smtp_url, app_env=app_env)

    assert type(email_sender(settings).mailer) is mailer_type


def test_a_wrong_sender_is_an_error_of_the_settings() -> None:
    with pytest.raises(SettingsError, match=r"^SMTP_URL: `from` must be an email address"):
        email_sender(replace(Settings.read({}), smtp_url=f"{SMTP_URL}?from=nobody"))


def test_a_copy_of_all_templates_is_accepted(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES_FOLDER, tmp_path / "templates")
    (tmp_path / "templates" / "README.md").write_text("Ours.")

    sender = email_sender(replace(Settings.read({}), templates_dir=tmp_path / "templates"))

    assert sender.templates.render("already_registered", "en", {}).subject == "You already have an account"


async def test_a_broken_template_stops_the_start_with_its_file_and_line(
    settings: Settings, running_servers: ServerUrls, tmp_path: Path
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "recovery.txt").write_text("A new password\n\n{{ link }}\n")

    with pytest.raises(SettingsError) as error:
        await build(replace(settings, templates_dir=tmp_path), running_servers)

    assert str(error.value) == f"MONYNHA_TEMPLATES_DIR: {tmp_path}/en/recovery.txt, line 3: 'link' is undefined"
