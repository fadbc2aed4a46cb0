"""Sends mail through an SMTP server (RFC 5321), in the background and with retries.

Mail waits in memory. What could not be delivered, or was still waiting when the process ended, is logged without
its content and its address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import structlog

from monynha.core.errors import SettingsError
from monynha.infra.mail.mailer import Mail, to_message

RETRY_DELAYS_S = (5.0, 30.0, 120.0)
TIMEOUT_S = 20.0
"""For each step: connecting, and the reply to each command."""
CLOSE_TIMEOUT_S = 5.0
MAX_WAITING = 1_000
_MAX_CONNECTIONS = 4
_log = structlog.get_logger("monynha.mail")


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
    """Sends mail through one server; a mail that fails for the moment is tried again a few times."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        retry_delays_s: tuple[float, ...] = RETRY_DELAYS_S,
        timeout_s: float = TIMEOUT_S,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._retry_delays_s = retry_delays_s
        self._timeout_s = timeout_s
        self._tls_context = tls_context
        self._deliveries: set[asyncio.Task[None]] = set()
        self._connections = asyncio.Semaphore(_MAX_CONNECTIONS)
        self._closing = asyncio.Event()

    async def send(self, mail: Mail) -> None:
        """Begin to deliver the mail and return at once; how it ends is logged.

        Raises ValueError for an address or subject that would add a header.
        """
        message = to_message(mail, self._server.sender, datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=parseaddr(self._server.sender)[1].rpartition("@")[2])
        if len(self._deliveries) >= MAX_WAITING:
            _log.error("mail not delivered", mail=message["Message-ID"], reason="too many mails are waiting")
            return
        delivery = asyncio.create_task(self._deliver(message))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def find_problem(self) -> str | None:
        """Connect and log in; return what prevents it, or None."""
        try:
            async with self._client() as client:
                await self._log_in(client)
        except (aiosmtplib.SMTPException, InsecureLoginError, OSError) as error:
            return _describe(error)
        return None

    async def close(self) -> None:
        """Try once more to deliver what is waiting, for a few seconds."""
        self._closing.set()
        if not self._deliveries:
            return
        _, unfinished = await asyncio.wait(self._deliveries, timeout=CLOSE_TIMEOUT_S)
        for delivery in unfinished:
            delivery.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _deliver(self, message: EmailMessage) -> None:
        mail_id, attempts = message["Message-ID"], 0
        try:
            while True:
                attempts += 1
                is_last = self._closing.is_set() or attempts > len(self._retry_delays_s)
                try:
                    await self._transmit(message)
                    return
                except (aiosmtplib.SMTPException, InsecureLoginError, OSError, ValueError) as error:
                    failure: dict[str, object] = {"mail": mail_id, "reason": _describe(error), "attempts": attempts}
                    if is_last or _is_permanent(error):
                        _log.error("mail not delivered", **failure)
                        return
                    _log.warning("mail delayed", **failure)
                with suppress(TimeoutError):  # a shutdown ends the wait for one last attempt
                    await asyncio.wait_for(self._closing.wait(), self._retry_delays_s[attempts - 1])
        except asyncio.CancelledError:
            _log.error("mail not delivered", mail=mail_id, reason="the program stopped", attempts=attempts)
            raise

    async def _transmit(self, message: EmailMessage) -> None:
        async with self._connections, self._client() as client:
            await self._log_in(client)
            await client.send_message(message)

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.uses_tls,
            start_tls=False if self._server.uses_tls else None,
            timeout=self._timeout_s,
            tls_context=self._tls_context,
            # The name for EHLO; the default asks the resolver for our own name, which may take seconds.
            local_hostname=parseaddr(self._server.sender)[1].rpartition("@")[2],
        )

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
    """Whether the server will refuse the mail at the next attempt too (a 5yz reply, RFC 5321 section 4.2.1)."""
    if isinstance(error, InsecureLoginError | ValueError):  # ValueError: not an address for SMTP
        return True
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500


def _describe(error: Exception) -> str:
    """Return what failed, without the server's text, which may repeat an address."""
    if isinstance(error, InsecureLoginError):
        return "the server offers no TLS, without which the password is not sent"
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        return f"the server refused the recipient ({error.recipients[0].code})"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"the server replied {error.code} ({type(error).__name__})"
    return type(error).__name__
