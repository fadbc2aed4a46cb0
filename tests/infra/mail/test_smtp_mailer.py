"""Mail through an SMTP server: how it arrives, over TLS or not at all, and how a failure is reported."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest

from monynha.core.errors import SettingsError
from monynha.infra.mail import Mail
from monynha.infra.mail.mailer import MailDelayedError, MailRefusedError
from monynha.infra.mail.smtp_mailer import SmtpMailer, SmtpServer
from tests.emails import read_message, text_of
from tests.infra.mail.smtp_server import (
    PASSWORD,
    USERNAME,
    Mailbox,
    free_port,
    run_smtp_server,
    self_signed_certificate,
)

SITE_URL = "https://board.example.org"
MAIL = Mail(
    "ada@example.com",
    "Bestätige",
    f"Grüße, 日本語\n\nhttps://board.example.org/{'x' * 300}\n",
    "<p>日本語</p>",
    id="3f1c",
)
LOGIN = f"{quote(USERNAME, safe='')}:{quote(PASSWORD, safe='')}@"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The TLS contexts of a server and of a client that trusts it."""
    return self_signed_certificate(tmp_path_factory.mktemp("tls"))


def mailer_of(url: str, *, tls: ssl.SSLContext | None = None, connect_timeout_s: float = 30) -> SmtpMailer:
    server = SmtpServer.from_url(url, site_url=SITE_URL)
    return SmtpMailer(server, connect_timeout_s=connect_timeout_s, tls_context=tls)


async def test_mail_arrives_whole_with_its_sender() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        await mailer_of(f"smtp://127.0.0.1:{port}?from=Board%20%3Cboard@example.org%3E").send(MAIL)

    [envelope] = mailbox.envelopes
    assert isinstance(envelope.content, bytes)  # aiosmtpd decodes it only when asked to
    message = read_message(envelope.content)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("board@example.org", ["ada@example.com"])
    assert message["From"] == "Board <board@example.org>"
    assert message["Message-ID"] == "<3f1c@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert (message["To"], message["Subject"]) == (MAIL.to, MAIL.subject)
    assert (text_of(message), text_of(message, "html").strip()) == (MAIL.text, MAIL.html)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_login_and_mail_go_over_tls(scheme: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server_tls, client_tls = tls
    mailbox = Mailbox()
    with run_smtp_server(mailbox, tls=server_tls, starttls=scheme == "smtp") as port:
        await mailer_of(f"{scheme}://{LOGIN}127.0.0.1:{port}", tls=client_tls).send(MAIL)

    assert mailbox.logins == [USERNAME]
    assert mailbox.used_tls == [True]
    assert mailbox.envelopes[0].mail_from == USERNAME


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_server_with_an_untrusted_certificate_gets_no_mail(
    scheme: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    mailbox = Mailbox()
    with (
        run_smtp_server(mailbox, tls=tls[0], starttls=scheme == "smtp") as port,
        pytest.raises(MailDelayedError, match="cannot be reached"),
    ):
        await mailer_of(f"{scheme}://127.0.0.1:{port}").send(MAIL)

    assert mailbox.attempts == 0


async def test_password_is_not_sent_without_tls() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox, host="0.0.0.0", auth_requires_tls=False) as port:
        mailer = mailer_of(f"smtp://{LOGIN}{socket.gethostname()}:{port}")
        with pytest.raises(MailDelayedError) as delayed:
            await mailer.send(MAIL)
        problem = await mailer.find_problem()

    assert (mailbox.logins, mailbox.attempts) == ([], 0)
    assert str(delayed.value) == "the mail server offers no TLS, without which the password is not sent"
    assert problem == str(delayed.value)


async def test_refused_login_is_reported_without_the_user_name() -> None:
    with run_smtp_server(Mailbox(), auth_requires_tls=False) as port, pytest.raises(MailDelayedError) as delayed:
        await mailer_of(f"smtp://{quote(USERNAME, safe='')}:wrong@127.0.0.1:{port}").send(MAIL)

    assert str(delayed.value) == "the mail server refused the login (535)"


@pytest.mark.parametrize(
    ("mailbox", "reason"),
    [
        (Mailbox(replies=["451 4.7.1 Try again later"]), "the mail server replied 451 4.7.1 Try again later"),
        (Mailbox(recipient_reply="450 4.2.0 Greylisted"), "the mail server replied 450 4.2.0 Greylisted"),
        (Mailbox(replies=["421 4.3.2 Going down"]), "the mail server replied 421 4.3.2 Going down"),
    ],
)
async def test_reply_that_is_not_final_delays_the_mail(mailbox: Mailbox, reason: str) -> None:
    with run_smtp_server(mailbox) as port, pytest.raises(MailDelayedError) as delayed:
        await mailer_of(f"smtp://127.0.0.1:{port}").send(MAIL)

    assert (mailbox.attempts, str(delayed.value)) == (1, reason)


@pytest.mark.parametrize(
    ("mailbox", "reason"),
    [
        (Mailbox(replies=["554 5.7.1 This is spam"]), "the mail server replied 554 5.7.1 This is spam"),
        (Mailbox(recipient_reply="550 5.1.1 No such user"), "the mail server replied 550 5.1.1 No such user"),
        (Mailbox(replies=[f"554 {'x' * 400}"]), f"the mail server replied 554 {'x' * 272}"),
    ],
)
async def test_final_reply_refuses_the_mail(mailbox: Mailbox, reason: str) -> None:
    with run_smtp_server(mailbox) as port, pytest.raises(MailRefusedError) as refused:
        await mailer_of(f"smtp://127.0.0.1:{port}").send(MAIL)

    assert (mailbox.attempts, mailbox.envelopes) == (1, [])
    assert str(refused.value) == reason


async def test_absent_server_delays_the_mail() -> None:
    mailer = mailer_of(f"smtp://127.0.0.1:{free_port()}")
    with pytest.raises(MailDelayedError) as delayed:
        await mailer.send(MAIL)

    assert str(delayed.value) == "the mail server cannot be reached (SMTPConnectError)"
    assert await mailer.find_problem() == str(delayed.value)


async def test_silent_server_delays_the_mail() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent_server,
        pytest.raises(MailDelayedError, match="cannot be reached"),
    ):
        await mailer_of(f"smtp://127.0.0.1:{silent_server.getsockname()[1]}", connect_timeout_s=0.1).send(MAIL)


async def test_mails_of_the_same_moment_are_all_delivered() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        mailer = mailer_of(f"smtp://127.0.0.1:{port}")
        await asyncio.gather(*(mailer.send(MAIL) for _ in range(20)))

    assert len(mailbox.envelopes) == 20


async def test_address_with_letters_beyond_ascii_is_delivered_where_the_server_takes_it() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        await mailer_of(f"smtp://127.0.0.1:{port}").send(Mail("josé@exámple.com", "x", "y"))

    assert mailbox.envelopes[0].rcpt_tos == ["josé@exámple.com"]


async def test_text_beyond_ascii_needs_no_server_that_takes_it() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox, takes_utf8=False) as port:
        await mailer_of(f"smtp://127.0.0.1:{port}").send(MAIL)

    [content] = mailbox.contents
    message = read_message(content)
    assert content.partition(b"\r\n\r\n")[0].isascii()
    assert (message["Subject"], text_of(message), text_of(message, "html").strip()) == (
        MAIL.subject,
        MAIL.text,
        MAIL.html,
    )


async def test_a_line_with_a_dot_does_not_end_a_mail() -> None:
    mailbox = Mailbox()
    text = "before\n.\nMAIL FROM:<eve@example.org>\r\n.\r\nafter\n..\n"
    with run_smtp_server(mailbox) as port:
        await mailer_of(f"smtp://127.0.0.1:{port}").send(Mail("ada@example.com", "x", text))

    [content] = mailbox.contents
    assert text_of(read_message(content)) == text.replace("\r\n", "\n")


async def test_address_with_letters_beyond_ascii_is_refused_where_the_server_does_not_take_it() -> None:
    mailbox = Mailbox()
    with run_smtp_server(mailbox, takes_utf8=False) as port, pytest.raises(MailRefusedError, match="letters"):
        await mailer_of(f"smtp://127.0.0.1:{port}").send(Mail("josé@exámple.com", "x", "y"))

    assert mailbox.envelopes == []


@pytest.mark.parametrize("address", ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"])
async def test_address_cannot_add_a_header(address: str) -> None:
    with pytest.raises(MailRefusedError):
        await mailer_of("smtp://127.0.0.1:1").send(Mail(address, "x", ""))


async def test_reachable_server_has_no_problem(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server_tls, client_tls = tls
    with run_smtp_server(Mailbox(), tls=server_tls, starttls=True) as port:
        good = await mailer_of(f"smtp://{LOGIN}127.0.0.1:{port}", tls=client_tls).find_problem()
        wrong = await mailer_of(f"smtp://eve:guess@127.0.0.1:{port}", tls=client_tls).find_problem()

    assert good is None
    assert wrong == "the mail server refused the login (535)"


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
