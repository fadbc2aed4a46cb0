"""Routes that count as a try to sign in: over the limit they answer 429, and all tell what is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from monynha.core.errors import AppError
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.responses import with_headers
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response


async def count_sign_in_attempt(
    auth: AuthServices, request: Request, account: str | None, handle: Callable[[], Awaitable[Response]]
) -> Response:
    """Count the request by account and address, then do the work."""
    rate_limit_headers = await auth.rate_limits.count_sign_in(request.client_ip, account)
    try:
        return with_headers(await handle(), rate_limit_headers)
    except AppError as error:
        error.headers = (*error.headers, *rate_limit_headers)
        raise
