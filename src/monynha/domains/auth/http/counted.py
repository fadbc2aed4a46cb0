"""Routes that count as a try to sign in: over the limit they answer 429, and all tell what is left."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from monynha.core.errors import Fault, RateLimited
from monynha.domains.auth.auth import Auth
from monynha.domains.auth.faults import EmailsTooSoon
from monynha.domains.auth.http.answers import with_headers
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response


async def counted(
    auth: Auth, request: Request, account: str | None, work: Callable[[], Awaitable[Response]]
) -> Response:
    """Count the request by account and address, then do the work."""
    told = await auth.limits.sign_in(request.client, account)
    try:
        return with_headers(await work(), told)
    except Fault as fault:
        fault.headers = (*fault.headers, *told)
        raise


async def check_mail_gap(auth: Auth, address: str) -> None:
    """Refuse a second mail to an address within the gap, whether it is anybody's or not."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    try:
        await auth.limits.count("", (digest, "mail", auth.mail_gap))
    except RateLimited as fault:
        wait_s = int(str(fault.details["retryAfter"]))
        raise EmailsTooSoon(
            f"For security purposes, you can only request this after {wait_s} seconds.", retry_after_s=wait_s
        ) from None
