"""Small template folders for the tests of the renderer."""

from __future__ import annotations

from pathlib import Path

from monynha.core.locales import LOCALES
from monynha.infra.mail.templates import MailTemplates

SITE_URL = "https://board.example.org"
MJML = "<mjml><mj-body><mj-section><mj-column>\n{}\n</mj-column></mj-section></mj-body></mjml>\n"


def write_templates(folder: Path, mjml: str, text: str = "Subject\n\nText", name: str = "notice") -> None:
    """Write a template in every language; `mjml` is the content of its only column."""
    for locale in LOCALES:
        (folder / locale).mkdir(parents=True, exist_ok=True)
        (folder / locale / f"{name}.mjml").write_text(MJML.format(mjml))
        (folder / locale / f"{name}.txt").write_text(text)


def templates_of(folder: Path, override_folder: Path | None = None) -> MailTemplates:
    """Return the templates of a folder."""
    return MailTemplates(folder, site_url=SITE_URL, override_folder=override_folder)
