"""Sends mail through an SMTP server (RFC 5321); who calls it decides about another attempt."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from monynha.core.errors import SettingsError
from monynha.infra.mail.mailer import Mail, MailDelayedError, MailRefusedError, domain_of, to_message

CONNECT_TIMEOUT_S = 10.0
"""For connecting and signing in: while a server is away, its mails must not keep the worker from other jobs."""
REPLY_TIMEOUT_S = 60.0
"""For the reply to each command of a mail, which servers delay that look for spam meanwhile."""
_MAX_REPLY_LENGTH = 300


class InsecureLoginError(Exception):
    """The server offers no TLS, and a password must not be sent without it."""


@dataclass(frozen=True)
class SmtpServer:
    """An SMTP server, and the sender of the mails that go through it."""

    host: str
    port: int
    sender: str
    uses_tls: bool = False  # from the first byte; otherwise STARTTLS where the server offers it
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str, *, site_url: str) -> SmtpServer:
        """Read `smtp[s]://user:password@host:port?from=Name <address>`; raise SettingsError for a wrong sender.

        Without a port it is 465 for smtps and 587 for smtp. Without `from` the sender is the user name if that is
        an address, else `noreply` at the host of `site_url`.
        """
        parts = urlsplit(url)
        if not parts.hostname:
            raise SettingsError("SMTP_URL: the host is missing")
        username = unquote(parts.username or "")
        default_sender = username if "@" in username else f"noreply@{urlsplit(site_url).hostname}"
        sender = parse_qs(parts.query).get("from", [f"Monynha <{default_sender}>"])[0]
        if "@" not in parseaddr(sender)[1] or not sender.isprintable():
            raise SettingsError("SMTP_URL: `from` must be an email address, such as ?from=board@example.org")
        uses_tls = parts.scheme == "smtps"
        port = parts.port or (465 if uses_tls else 587)
        return cls(parts.hostname, port, sender, uses_tls, username, unquote(parts.password or ""))


class SmtpMailer:
    """Sends mail through one server, each over a connection of its own."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._connect_timeout_s = connect_timeout_s
        self._reply_timeout_s = reply_timeout_s
        self._tls_context = tls_context

    async def send(self, mail: Mail) -> None:
        """Deliver the mail to the server and return when it has accepted it.

        Raises MailRefusedError for a reply that is final (5yz, RFC 5321 section 4.2.1) and for an address or text
        that would add a header; MailDelayedError for a reply that is not (4yz), and where the server is not reached.
        """
        message = to_message(mail, self._server.sender, datetime.now(UTC))
        try:
            async with self._session() as client:
                await client.send_message(message, timeout=self._reply_timeout_s)
        # A certificate that is not trusted is an OSError and a ValueError.
        except (aiosmtplib.SMTPException, InsecureLoginError, OSError) as error:
            if _is_permanent(error):
                raise MailRefusedError(_describe(error)) from None
            raise MailDelayedError(_describe(error)) from None
        except ValueError as error:  # not an address for SMTP
            raise MailRefusedError(_one_line(str(error))) from None

    async def find_problem(self) -> str | None:
        """Connect and log in; return what prevents it, or None."""
        try:
            async with self._session():
                return None
        except (aiosmtplib.SMTPException, InsecureLoginError, OSError) as error:
            return _describe(error)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiosmtplib.SMTP]:
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.uses_tls,
            start_tls=False if self._server.uses_tls else None,
            timeout=self._connect_timeout_s,
            tls_context=self._tls_context,
            # The name for EHLO; the default asks the resolver for our own name, which may take seconds.
            local_hostname=domain_of(self._server.sender),
        )
        async with client:
            await self._log_in(client)
            yield client

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        if not self._server.username:
            return
        # An attacker on the way can remove STARTTLS from the reply of the server (RFC 3207 section 6).
        if client.get_transport_info("sslcontext") is None and not _is_loopback(self._server.host):
            raise InsecureLoginError
        await client.login(self._server.username, self._server.password)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_permanent(error: Exception) -> bool:
    """Whether the server will refuse the mail at the next attempt too."""
    # A login that is refused is the operator's to correct, not a property of this mail: it may be sent later.
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return False
    if _wants_utf8(error):
        return True
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500


def _wants_utf8(error: Exception) -> bool:
    """Whether the mail has an address that only servers with the extension SMTPUTF8 take (RFC 6531)."""
    return isinstance(error, aiosmtplib.SMTPNotSupported) and "SMTPUTF8" in str(error)


def _describe(error: Exception) -> str:
    """Return what failed, with the server's own text: it says what the reader of a failed job must do."""
    if isinstance(error, InsecureLoginError):
        return "the mail server offers no TLS, without which the password is not sent"
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"the mail server refused the login ({error.code})"  # its text may repeat the user name
    if _wants_utf8(error):
        return "the mail server takes no address with letters beyond ASCII"
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _one_line(f"the mail server replied {error.code} {error.message}")
    return f"the mail server cannot be reached ({type(error).__name__})"


def _one_line(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:_MAX_REPLY_LENGTH]
