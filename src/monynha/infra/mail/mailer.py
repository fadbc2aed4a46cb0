"""A mail as a value, its form on the wire (RFC 5322), and the protocol of a mailer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8, Policy
from email.utils import format_datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text to one address."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Send the mail, or store it where it will be sent from.

        Raises ValueError for an address or subject that would add a header.
        """


def to_message(mail: Mail, sender: str, sent_at: datetime, *, policy: Policy = SMTPUTF8) -> EmailMessage:
    """Return the message of a mail; raise ValueError for an address or subject that would add a header."""
    message = EmailMessage(policy=policy)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(sent_at)
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office reply answers it (RFC 3834)
    message.set_content(mail.text)
    return message
