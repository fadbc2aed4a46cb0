"""Builds what writes and sends mail: the templates, and the mailer that the settings name."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from monynha.core.clock import Clock, utc_now
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.mail import CopyingMailer, EmailSender, FolderMailer, Mailer, MailTemplates
from monynha.infra.mail.template_errors import MailTemplateError

TEMPLATES_FOLDER = Path(str(files("monynha"))) / "email_templates"
SAMPLES_FILE = TEMPLATES_FOLDER / "samples.json"
"""The data of each template by its name, with which an operator's templates are checked."""


def email_sender(settings: Settings, *, clock: Clock = utc_now) -> EmailSender:
    """Return what sends the mails of the queue.

    Raises SettingsError for a wrong sender in SMTP_URL, and for a broken template in MONYNHA_TEMPLATES_DIR.
    """
    templates = MailTemplates(TEMPLATES_FOLDER, site_url=settings.site_url, override_folder=settings.templates_dir)
    if settings.templates_dir:
        try:
            templates.check(json.loads(SAMPLES_FILE.read_text()))
        except MailTemplateError as error:
            raise SettingsError(f"MONYNHA_TEMPLATES_DIR: {error}") from None
    return EmailSender(templates, _mailer(settings), clock)


def _mailer(settings: Settings) -> Mailer:
    """Return the mailer: in development the mailbox shows every mail, also those that a server takes."""
    folder = FolderMailer(settings.mail_dir)
    if not settings.smtp_url:
        return folder
    from monynha.infra.mail.smtp_mailer import SmtpMailer, SmtpServer  # a start without SMTP_URL saves the import

    smtp_mailer = SmtpMailer(SmtpServer.from_url(settings.smtp_url, site_url=settings.site_url))
    return smtp_mailer if settings.is_production else CopyingMailer(folder, smtp_mailer)
