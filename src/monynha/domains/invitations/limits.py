"""How many invitations a manager may send, and how many an address may get."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.core.settings.setting_types import Limit
from monynha.domains.auth.services.rate_limits import HeaderPairs, RateLimitCounter
from monynha.infra.valkey import address_digest

_MESSAGE = "Too many invitations, please try again later"
_PER_ADDRESS = Limit(20, 24 * 3600)
"""Of one address in a day, whoever sends them: many accounts together must not flood a stranger."""


@dataclass(frozen=True)
class InvitationLimits:
    """Counts what tells a manager whether an address is registered, and what sends mail; None counts nothing."""

    counter: RateLimitCounter | None
    per_manager: Limit | None

    async def count_lookup(self, actor: Actor) -> HeaderPairs:
        """Count the use of an address by a manager; return the rate limit headers, raise RateLimitedError over it.

        Counted before anything is looked up, for those who may not invite too. The service key is exempt.
        """
        if self.counter is None or actor.id is None:
            return ()
        return await self.counter.count(_MESSAGE, (str(actor.id), "invitation", self.per_manager))

    async def count_mail(self, email: str) -> None:
        """Count a mail to an address; raise RateLimitedError over the limit."""
        if self.counter is not None and self.per_manager is not None:
            await self.counter.count(_MESSAGE, (address_digest(email), "invited", _PER_ADDRESS))
