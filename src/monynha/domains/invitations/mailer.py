"""Invitation mailer: queues the mail of an invitation, in the transaction that creates or renews it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import orjson

from monynha.core.locales import DEFAULT_LOCALE, match_locale
from monynha.domains.invitations.tokens import page_path
from monynha.infra.mail import EMAIL_QUEUE, EmailPayload, enqueue_email
from monynha.infra.postgres.database import Transaction

_MAX_NAME_LENGTH = 60
_LINK = re.compile(r"://|www\.|@|[^\W\d_][\w-]*\.[^\W\d_]{2,}", re.IGNORECASE)
"""What mail programs make a link of, or what reads like an address."""
_PRIORITY = 1


@dataclass(frozen=True, slots=True)
class InvitationMail:
    """What the database tells about an invitation, to be mailed."""

    id: str
    email: str
    role: str
    project: str
    inviter: str | None
    locale: str | None

    @classmethod
    def parse(cls, json: bytes) -> InvitationMail:
        """Return the value of `monynha.invitation_mail`."""
        return cls(**orjson.loads(json))


@dataclass(frozen=True)
class InvitationMailer:
    """Queues invitations; a mail is sent if and only if the transaction commits."""

    queue: str = EMAIL_QUEUE

    async def queue_invitation(
        self,
        transaction: Transaction,
        mail: InvitationMail,
        token: str,
        *,
        expires_at: datetime,
        valid_days: int,
        locale: str | None,
    ) -> None:
        """Queue the mail, in the language of the invited account, else in `locale`, that of the inviter."""
        data: dict[str, object] = {
            "locale": match_locale(mail.locale or "") or locale or DEFAULT_LOCALE,
            "path": page_path(token),
            "project_name": mailable_name(mail.project),
            "inviter_name": mailable_name(mail.inviter or ""),
            "role": mail.role,
            "valid_days": valid_days,
            "expires_at": expires_at.isoformat(),
        }
        payload = EmailPayload(mail.email, "project_invitation", data)
        await enqueue_email(transaction, payload, queue=self.queue, priority=_PRIORITY)


def mailable_name(name: str) -> str:
    """Return a name as a mail may say it: short, and empty where it would become a link.

    Anybody can give a project any name and invite any address, and would have us send strangers their advertisement.
    """
    if _LINK.search(name):
        return ""
    return name if len(name) <= _MAX_NAME_LENGTH else f"{name[: _MAX_NAME_LENGTH - 1].rstrip()}…"
