"""What is slowed beside signing in: mails to one address, and changes of one's address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import RateLimitedError
from monynha.core.settings.setting_types import Limit
from monynha.domains.auth.errors import EmailRateLimitedError
from monynha.protocols.http.rate_limits import AUTH_MESSAGE, HeaderPairs, RateLimits


@dataclass(frozen=True)
class AuthRateLimits:
    """Counts what sends mail or guesses at accounts; each raises RateLimited over its limit."""

    limits: RateLimits
    email_interval: Limit | None

    async def count_sign_in(self, client_ip: str, account: str | None) -> HeaderPairs:
        """Count a try to sign in or the like; return the headers that tell what is left."""
        return await self.limits.count_sign_in(client_ip, account)

    async def count_email(self, email: str) -> None:
        """Refuse a second mail to an address within the gap, whether it is anybody's or not."""
        digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:16]
        try:
            await self.limits.count("", (digest, "mail", self.email_interval))
        except RateLimitedError as error:
            raise EmailRateLimitedError(int(str(error.details["retryAfter"]))) from None

    async def count_email_change(self, user_id: UUID) -> None:
        """Count a change of address by its user, who could otherwise have us mail the whole world."""
        await self.limits.count(AUTH_MESSAGE, (str(user_id), "address", self.limits.auth_per_account))
