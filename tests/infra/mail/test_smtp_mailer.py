"""Mail through an SMTP server: how it arrives, over TLS or not at all, and what happens when it cannot be sent."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from structlog.testing import LogCapture

from monynha.core.errors import SettingsError
from monynha.infra.mail import Mail, smtp_mailer
from monynha.infra.mail.smtp_mailer import SmtpMailer, SmtpServer
from tests.infra.mail.smtp_server import (
    PASSWORD,
    USERNAME,
    Mailbox,
    free_port,
    run_smtp_server,
    self_signed_certificate,
)

SITE_URL = "https://board.example.org"
MAIL = Mail("ada@example.com", "Bestätige", f"Grüße, 日本語\n\nhttps://board.example.org/{'x' * 300}\n")
LOGIN = f"{quote(USERNAME, safe='')}:{quote(PASSWORD, safe='')}@"

Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    """The log events of the mailer; its own logger may be configured by an earlier test."""
    capture = LogCapture()
    every_level = structlog.make_filtering_bound_logger(0)
    log = structlog.wrap_logger(None, processors=[capture], wrapper_class=every_level)
    monkeypatch.setattr(smtp_mailer, "_log", log)
    return capture.entries


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The TLS contexts of a server and of a client that trusts it."""
    return self_signed_certificate(tmp_path_factory.mktemp("tls"))


def mailer_of(url: str, *, retry_delays_s: tuple[float, ...] = (), tls: ssl.SSLContext | None = None) -> SmtpMailer:
    server = SmtpServer.from_url(url, site_url=SITE_URL)
    return SmtpMailer(server, retry_delays_s=retry_delays_s, timeout_s=30, tls_context=tls)


async def deliver(mailer: SmtpMailer, mail: Mail = MAIL) -> None:
    """Send a mail and wait until it has arrived or failed."""
    await mailer.send(mail)
    await asyncio.gather(*mailer._deliveries)


async def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_mail_arrives_whole_with_its_sender() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        await deliver(mailer_of(f"smtp://127.0.0.1:{port}?from=Board%20%3Cboard@example.org%3E"))

    [envelope] = mailbox.envelopes
    assert isinstance(envelope.content, bytes)  # aiosmtpd decodes it only when asked to
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("board@example.org", ["ada@example.com"])
    assert message["From"] == "Board <board@example.org>"
    assert message["Message-ID"].endswith("@example.org>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert (message["To"], message["Subject"]) == (MAIL.to, MAIL.subject)
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_login_and_mail_go_over_tls(scheme: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server_tls, client_tls = tls
    mailbox = Mailbox()
    with run_smtp_server(mailbox, tls=server_tls, starttls=scheme == "smtp") as port:
        await deliver(mailer_of(f"{scheme}://{LOGIN}127.0.0.1:{port}", tls=client_tls))

    assert mailbox.logins == [USERNAME]
    assert mailbox.used_tls == [True]
    assert mailbox.envelopes[0].mail_from == USERNAME


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_server_with_an_untrusted_certificate_gets_no_mail(
    scheme: str, tls: tuple[ssl.SSLContext, ssl.SSLContext], logs: Logs
) -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox, tls=tls[0], starttls=scheme == "smtp") as port:
        await deliver(mailer_of(f"{scheme}://127.0.0.1:{port}"))

    assert mailbox.attempts == 0
    assert [entry["event"] for entry in logs] == ["mail not delivered"]


async def test_password_is_not_sent_without_tls(logs: Logs) -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox, host="0.0.0.0", auth_requires_tls=False) as port:
        mailer = mailer_of(f"smtp://{LOGIN}{socket.gethostname()}:{port}", retry_delays_s=(0,))
        await deliver(mailer)
        problem = await mailer.find_problem()

    assert (mailbox.logins, mailbox.attempts) == ([], 0)
    assert [(entry["event"], entry["attempts"]) for entry in logs] == [("mail not delivered", 1)]
    assert problem == "the server offers no TLS, without which the password is not sent"


async def test_temporary_failure_is_retried(logs: Logs) -> None:
    mailbox = Mailbox(replies=["451 Try again later"])
    with run_smtp_server(mailbox) as port:
        await deliver(mailer_of(f"smtp://127.0.0.1:{port}", retry_delays_s=(0.01, 0.01)))

    assert len(mailbox.envelopes) == 1
    assert [(entry["event"], entry["attempts"]) for entry in logs] == [("mail delayed", 1)]


@pytest.mark.parametrize(
    ("mailbox", "reason"),
    [
        (Mailbox(replies=["554 ada@example.com is spam"]), "the server replied 554 (SMTPDataError)"),
        (Mailbox(recipient_reply="550 no ada@example.com"), "the server refused the recipient (550)"),
    ],
)
async def test_refused_mail_is_not_retried_and_logged_without_its_content(
    mailbox: Mailbox, reason: str, logs: Logs
) -> None:
    with run_smtp_server(mailbox) as port:
        await deliver(mailer_of(f"smtp://127.0.0.1:{port}", retry_delays_s=(0.01,)))

    assert (mailbox.attempts, mailbox.envelopes) == (1, [])
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("mail not delivered", reason)]
    assert not any(word in str(logs) for word in (MAIL.to, MAIL.subject, "Grüße"))


async def test_absent_server_is_logged_after_the_last_attempt(logs: Logs) -> None:
    mailer = mailer_of(f"smtp://127.0.0.1:{free_port()}", retry_delays_s=(0.01, 0.01))
    await deliver(mailer)

    assert [(entry["event"], entry["attempts"]) for entry in logs] == [
        ("mail delayed", 1),
        ("mail delayed", 2),
        ("mail not delivered", 3),
    ]
    assert await mailer.find_problem() == "SMTPConnectError"


async def test_shutdown_tries_waiting_mail_once_more(logs: Logs) -> None:
    mailbox = Mailbox(replies=["451 Try again later"])
    with run_smtp_server(mailbox) as port:
        mailer = mailer_of(f"smtp://127.0.0.1:{port}", retry_delays_s=(600,))
        await mailer.send(MAIL)
        await wait_until(lambda: bool(logs))
        await mailer.close()

    assert len(mailbox.envelopes) == 1


async def test_mail_that_a_shutdown_cuts_off_is_logged(monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    monkeypatch.setattr(smtp_mailer, "CLOSE_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent_server:
        mailer = mailer_of(f"smtp://127.0.0.1:{silent_server.getsockname()[1]}")
        await mailer.send(MAIL)
        await mailer.close()

    assert [(entry["event"], entry["reason"]) for entry in logs] == [("mail not delivered", "the program stopped")]


async def test_mail_beyond_the_limit_is_logged(monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    monkeypatch.setattr(smtp_mailer, "MAX_WAITING", 1)
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        mailer = mailer_of(f"smtp://127.0.0.1:{port}")
        await mailer.send(MAIL)
        await mailer.send(MAIL)
        await mailer.close()

    assert len(mailbox.envelopes) == 1
    assert [entry["reason"] for entry in logs] == ["too many mails are waiting"]


@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"])
async def test_address_cannot_add_a_header(address: str) -> None:
    with pytest.raises(ValueError, match=r"[Hh]eader"):
        await mailer_of("smtp://127.0.0.1:1").send(Mail(address, "x", ""))


async def test_reachable_server_has_no_problem(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server_tls, client_tls = tls
    with run_smtp_server(Mailbox(), tls=server_tls, starttls=True) as port:
        good = await mailer_of(f"smtp://{LOGIN}127.0.0.1:{port}", tls=client_tls).find_problem()
        wrong = await mailer_of(f"smtp://eve:guess@127.0.0.1:{port}", tls=client_tls).find_problem()

    assert good is None
    assert wrong == "the server replied 535 (SMTPAuthenticationError)"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, "Monynha <noreply@board.example.org>")),
        ("smtps://mail.example", SmtpServer("mail.example", 465, "Monynha <noreply@board.example.org>", uses_tls=True)),
        (
            "smtp://me%40a.example:p%2Fw@mail.example:2525",
            SmtpServer("mail.example", 2525, "Monynha <me@a.example>", username="me@a.example", password="p/w"),
        ),
        (
            "smtp://key:pw@mail.example?from=board@a.example",
            SmtpServer("mail.example", 587, "board@a.example", username="key", password="pw"),
        ),
    ],
)
def test_url_names_server_login_and_sender(url: str, server: SmtpServer) -> None:
    assert SmtpServer.from_url(url, site_url=SITE_URL) == server


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("smtp://:25", "SMTP_URL: the host is missing"),
        ("smtp://mail.example?from=nobody", "SMTP_URL: `from` must be an email address"),
        ("smtp://mail.example?from=a@b.example%0AX:%20y", "SMTP_URL: `from` must be an email address"),
    ],
)
def test_url_without_host_or_valid_sender_is_refused(url: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        SmtpServer.from_url(url, site_url=SITE_URL)

    assert str(error.value).startswith(message)


def test_repr_does_not_show_the_password(tmp_path: Path) -> None:
    assert "hush" not in repr(SmtpServer.from_url("smtp://me:hush@mail.example", site_url=SITE_URL))
