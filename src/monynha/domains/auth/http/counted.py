"""Routes that count as a try to sign in: over the limit they answer 429, and all tell what is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from monynha.core.errors import Fault
from monynha.domains.auth.auth import Auth
from monynha.domains.auth.http.answers import with_headers
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response


async def counted(
    auth: Auth, request: Request, account: str | None, work: Callable[[], Awaitable[Response]]
) -> Response:
    """Count the request by account and address, then do the work."""
    told = await auth.brakes.sign_in(request.client, account)
    try:
        return with_headers(await work(), told)
    except Fault as fault:
        fault.headers = (*fault.headers, *told)
        raise
