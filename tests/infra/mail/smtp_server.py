"""A real SMTP server (aiosmtpd) for the tests of the mailer, and certificates for it."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USERNAME, PASSWORD = "board@example.org", "pass/word@1"


@dataclass
class Mailbox:
    """What the server received, and how it replies to each mail in turn (250 after the last)."""

    replies: list[str] = field(default_factory=list)
    recipient_reply: str = "250 OK"
    envelopes: list[Envelope] = field(default_factory=list)
    used_tls: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    attempts: int = 0

    @property
    def contents(self) -> list[bytes]:
        """The mails that it has taken, as they were sent."""
        # aiosmtpd decodes them only when asked to.
        return [envelope.content for envelope in self.envelopes if isinstance(envelope.content, bytes)]

    async def handle_RCPT(  # noqa: N802  # the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Reply to a recipient."""
        if self.recipient_reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        else:
            self.attempts += 1
        return self.recipient_reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # the name that aiosmtpd calls
        """Take a mail, or refuse it."""
        self.attempts += 1
        assert server.transport is not None  # there is one while a command is handled
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            self.envelopes.append(envelope)
            self.used_tls.append(server.transport.get_extra_info("sslcontext") is not None)
        return reply

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        """Check a login."""
        assert isinstance(data, LoginPassword)  # what every mechanism of aiosmtpd hands over
        self.logins.append(data.login.decode())
        return AuthResult(
            success=(data.login, data.password) == (USERNAME.encode(), PASSWORD.encode()),
            handled=False,  # aiosmtpd replies to a refused login
        )


@contextmanager
def run_smtp_server(
    mailbox: Mailbox,
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    starttls: bool = False,
    auth_requires_tls: bool = True,
    takes_utf8: bool = True,
) -> Iterator[int]:
    """Run the server in a thread of its own and return its port; `tls` is for STARTTLS or for the first byte."""
    controller = Controller(
        mailbox,
        hostname=host,
        port=free_port(),
        ready_timeout=30,
        enable_SMTPUTF8=takes_utf8,
        tls_context=tls if starttls else None,
        ssl_context=None if starttls else tls,
        authenticator=mailbox.authenticate,
        auth_require_tls=auth_requires_tls and (starttls or tls is None),
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def self_signed_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a TLS context for a server on this machine, and one for the clients that trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(certificate.public_bytes(pem) + private_key)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(path)
    return server_context, ssl.create_default_context(cafile=str(path))
