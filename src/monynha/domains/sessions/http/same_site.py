"""Refuses requests that pages of other sites make a browser send (cross-site request forgery)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from monynha.core.errors import ForbiddenError
from monynha.protocols.http.request import Request
from monynha.protocols.http.secure_transport import IsSecure

REQUEST_HEADER = b"x-monynha-request"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class SameSite:
    """Requires a header that forms cannot send, and where there is an Origin, that it is this site's.

    A page of another origin may send the header only if a preflight request allows it, which ours never does.
    """

    site_url: str
    is_secure: IsSecure

    def require(self, request: Request) -> None:
        """Raise ForbiddenError for a request that need not come from this site."""
        if request.header(REQUEST_HEADER) != "1":
            raise ForbiddenError("The header X-Monynha-Request must be 1.")
        origin = request.header(b"origin")
        if origin is not None and not self._is_own(origin, request):
            raise ForbiddenError("This origin may not use cookie sessions.")

    def _is_own(self, origin: str, request: Request) -> bool:
        own_origins = {_normalized(self.site_url)}
        if host := request.header(b"host"):
            # Where the site has several names, or a developer writes another than SITE_URL; a page cannot choose it.
            scheme = "https" if self.is_secure(request.scope) else "http"
            own_origins.add(_normalized(f"{scheme}://{host}"))
        normalized = _normalized(origin)
        return normalized is not None and normalized in own_origins


def _normalized(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin; None for what is none, as `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port is None:
        return None
    return (parts.scheme, parts.hostname, port)
