"""Unsubscriptions: who wants no weekly reports, and the links in the mails that say so without signing in."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from uuid import UUID

from monynha.core.actor import system_actor
from monynha.core.hashes import derive_key
from monynha.infra.postgres.database import Database

PATH = "/reports/unsubscribe"
_PURPOSE = b"monynha weekly report unsubscription"
_REPORTS = system_actor("reports")
_SIGNATURE_BYTES = 16
_INSERT = """
insert into monynha.report_unsubscriptions (owner_id) select id from public.users where id = $1 on conflict do nothing
"""
_DELETE = "delete from monynha.report_unsubscriptions where owner_id = $1"


class UnsubscribeLinks:
    """Makes and reads the tokens of the links: whoever has one can end and restart these mails, nothing else.

    They do not expire, as the mails do not (RFC 8058 section 3.1); a new JWT_SECRET ends them all.
    """

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, _PURPOSE)

    def path(self, owner_id: UUID) -> str:
        """Return the path of the link in the mails to a project owner."""
        token = urlsafe_b64encode(owner_id.bytes + self._signature(owner_id))
        # In the query, whose values no log has.
        return f"{PATH}?token={token.rstrip(b'=').decode()}"

    def owner_of(self, token: str) -> UUID | None:
        """Return whose mails the link ends, or None for a token that we did not make."""
        try:
            content = urlsafe_b64decode(f"{token}{'=' * (-len(token) % 4)}".encode("ascii"))
        except (Error, UnicodeEncodeError):
            return None
        if len(content) != 16 + _SIGNATURE_BYTES:
            return None
        owner_id = UUID(bytes=content[:16])
        return owner_id if hmac.compare_digest(content[16:], self._signature(owner_id)) else None

    def _signature(self, owner_id: UUID) -> bytes:
        return hmac.digest(self._key, owner_id.bytes, hashlib.sha256)[:_SIGNATURE_BYTES]


@dataclass(frozen=True)
class Unsubscriptions:
    """Ends and restarts the weekly reports of a project owner; either may be repeated."""

    database: Database

    async def unsubscribe(self, owner_id: UUID) -> None:
        """End the mails; nothing happens for an account that is deleted."""
        await self._execute(_INSERT, owner_id)

    async def resubscribe(self, owner_id: UUID) -> None:
        """Restart the mails."""
        await self._execute(_DELETE, owner_id)

    async def _execute(self, statement: str, owner_id: UUID) -> None:
        async with self.database.as_actor(_REPORTS).transaction() as transaction:
            await transaction.execute(statement, owner_id)
