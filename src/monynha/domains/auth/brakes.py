"""What is slowed beside signing in: mails to one address, and changes of one's address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import RateLimited
from monynha.core.setting_kinds import Limit
from monynha.domains.auth.faults import EmailsTooSoon
from monynha.protocols.http.limits import AUTH_MESSAGE, HeaderPairs, Limits


@dataclass(frozen=True)
class Brakes:
    """Counts what sends mail or guesses at accounts; each raises RateLimited over its limit."""

    limits: Limits
    mail_gap: Limit | None

    async def sign_in(self, client_address: str, account: str | None) -> HeaderPairs:
        """Count a try to sign in or the like; return the headers that tell what is left."""
        return await self.limits.sign_in(client_address, account)

    async def mail(self, address: str) -> None:
        """Refuse a second mail to an address within the gap, whether it is anybody's or not."""
        digest = hashlib.sha256(address.strip().lower().encode()).hexdigest()[:16]
        try:
            await self.limits.count("", (digest, "mail", self.mail_gap))
        except RateLimited as fault:
            raise EmailsTooSoon(int(str(fault.details["retryAfter"]))) from None

    async def change_of_address(self, user_id: UUID) -> None:
        """Count a change of address by its user, who could otherwise have us mail the whole world."""
        await self.limits.count(AUTH_MESSAGE, (str(user_id), "address", self.limits.auth))
