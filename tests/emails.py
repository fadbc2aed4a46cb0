"""Emails that the program has queued, sent and stored, as tests read them."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from monynha.app.composition.mail import TEMPLATES_FOLDER
from monynha.infra.mail import EmailSender, FolderMailer, MailTemplates
from monynha.infra.postgres.database import Database
from monynha.infra.queue.attempt import Attempt
from monynha.infra.queue.job_store import JobStore


@dataclass
class SentEmail:
    """An email that was sent."""

    to: str
    subject: str
    text: str
    html: str = field(repr=False)

    @property
    def link(self) -> str:
        """The link in the text."""
        match = re.search(r"https?://\S+/auth/v1/verify\?\S+", self.text)
        assert match, self.text
        return match[0]

    @property
    def token(self) -> str:
        """The token of the link."""
        return parse_qs(urlsplit(self.link).query)["token"][0]

    @property
    def code(self) -> str:
        """The code in the text."""
        match = re.search(r": (\d{6})\b", self.text)
        assert match, self.text
        return match[1]


def read_emails(folder: Path, to: str) -> list[SentEmail]:
    """Return the emails to an address in a folder of `.eml` files, oldest first."""
    messages = [read_message(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]
    return [
        SentEmail(message["to"], message["subject"], text_of(message), text_of(message, "html"))
        for message in messages
        if message["to"] == to
    ]


def read_message(content: bytes) -> EmailMessage:
    """Return a message as it was sent."""
    return email.message_from_bytes(content, policy=email.policy.default)


def text_of(message: EmailMessage, subtype: str = "plain") -> str:
    """Return the text of a message, with the line breaks of Python, or its HTML."""
    part = message.get_body((subtype,))
    assert part is not None, f"the mail has no {subtype} part"
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


async def deliver_queued_emails(
    database: Database, queue: str, folder: Path, *, site_url: str, clock: Callable[[], datetime]
) -> None:
    """Write the mails of a queue into a folder, as the service `worker` does with those of `email`."""
    handler = EmailSender(MailTemplates(TEMPLATES_FOLDER, site_url=site_url), FolderMailer(folder), clock).handler()
    store = JobStore(database, uuid4())
    while claimed := await store.claim([queue], 100, lease=timedelta(minutes=1)):
        outcomes = [await Attempt(job, handler, database, claimed_at=0).run() for job in claimed]
        await store.record([outcome for outcome in outcomes if outcome])
