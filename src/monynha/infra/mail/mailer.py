"""A mail as a value, its form on the wire (RFC 5322), and the protocol of a mailer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8, Policy
from email.utils import format_datetime, parseaddr
from typing import Protocol

_SPECIAL = r'\s@<>()\[\],;:\\"'
_ADDRESS = re.compile(rf"[^{_SPECIAL}]+@[^{_SPECIAL}]+")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one address: a text, and where `html` is set the same as HTML.

    `id` identifies the mail over all attempts to send it; its Message-ID derives from it. `inline_images` are PNG
    images by the content id under which the HTML shows them (`cid:chart`). `unsubscribe_url` becomes the header
    List-Unsubscribe (RFC 2369), and takes a POST that unsubscribes (RFC 8058).
    """

    to: str
    subject: str
    text: str
    html: str = ""
    id: str = ""
    unsubscribe_url: str = ""
    inline_images: Mapping[str, bytes] = field(default_factory=dict)


class MailRefusedError(Exception):
    """The mail will not be accepted at another attempt either; the text says why, in one line."""


class MailDelayedError(Exception):
    """The mail could not be sent now and may be later; the text says why, in one line."""


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Send the mail, or store it where it is read from; return when that is done.

        Raises MailRefusedError, also for an address or subject that would add a header, or MailDelayedError.
        """


def to_message(mail: Mail, sender: str, sent_at: datetime, *, policy: Policy = SMTPUTF8) -> EmailMessage:
    """Return the message of a mail; raise MailRefusedError for an address or text that would add a header."""
    message = EmailMessage(policy=policy)
    try:
        message["From"] = sender
        message["To"] = recipient_of(mail.to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(sent_at)
        if mail.id:
            message["Message-ID"] = f"<{mail.id}@{domain_of(sender)}>"
        if mail.unsubscribe_url:
            message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    except ValueError as error:
        raise MailRefusedError(f"the mail has a header that is not valid: {error}") from None
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office reply answers it (RFC 3834)
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
        _add_inline_images(message, mail.inline_images)
    return message


def recipient_of(address: str) -> Address:
    """Return a single address for a header; raise ValueError for anything else, as a list or a second line.

    The parser of `email` refuses letters beyond ASCII before the @ (RFC 6531) and accepts comments.
    """
    if not _ADDRESS.fullmatch(address) or not address.isprintable():
        raise ValueError("the recipient is not an email address")
    username, _, domain = address.partition("@")
    return Address(username=username, domain=domain)


def domain_of(sender: str) -> str:
    """Return the domain of `Name <address>`."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _add_inline_images(message: EmailMessage, images: Mapping[str, bytes]) -> None:
    *_, html_part = message.iter_parts()
    assert isinstance(html_part, EmailMessage)  # what add_alternative has added
    for content_id, image in images.items():
        html_part.add_related(image, "image", "png", cid=f"<{content_id}>", disposition="inline")
