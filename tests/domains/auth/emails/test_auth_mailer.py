"""Auth mailer: what is sent to whom."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_templates import EmailTemplates
from monynha.domains.auth.emails.redirects import RedirectPolicy
from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, TokenKind
from monynha.infra.mail import Mail
from tests.domains.auth.conftest import AuthApp, new_email

SITE_URL = "https://monynha.test"


class RecordingMailer:
    """A mailer that records what is sent."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)


@pytest.fixture
def recording_mailer() -> RecordingMailer:
    return RecordingMailer()


@pytest.fixture
def auth_mailer(recording_mailer: RecordingMailer) -> AuthMailer:
    redirects = RedirectPolicy(SITE_URL, frozenset({"https://app.example"}), allows_localhost=False)
    return AuthMailer(recording_mailer, EmailTemplates(SITE_URL), redirects)


@pytest.mark.parametrize(
    ("requested", "redirect_to"),
    [
        ("https://app.example/welcome", "https://app.example/welcome"),
        ("https://other.example/", SITE_URL),
        (None, SITE_URL),
    ],
)
async def test_the_link_leads_on_to_an_allowed_page_only(
    auth_mailer: AuthMailer, recording_mailer: RecordingMailer, requested: str | None, redirect_to: str
) -> None:
    token = OneTimeToken(TokenKind.RECOVERY, "ada@example.com", "link-token", "123456")

    await auth_mailer.send_token(token, requested)

    (mail,) = recording_mailer.mails
    (link,) = [word for word in mail.text.split() if word.startswith("https://")]
    assert mail.to == "ada@example.com"
    assert parse_qs(urlsplit(link).query)["redirect_to"] == [redirect_to]
    assert "123456" in mail.text


async def test_the_notice_of_a_registered_address_contains_no_token(
    auth_mailer: AuthMailer, recording_mailer: RecordingMailer
) -> None:
    await auth_mailer.send_already_registered("ada@example.com")

    (mail,) = recording_mailer.mails
    assert mail.to == "ada@example.com"
    assert "verify?" not in mail.text


async def test_emails_in_the_folder_are_readable_by_their_owner_only(confirming_app: AuthApp) -> None:
    await confirming_app.sign_up_unconfirmed(new_email())

    assert confirming_app.mail_dir.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in confirming_app.mail_dir.iterdir()] == [0o600]
