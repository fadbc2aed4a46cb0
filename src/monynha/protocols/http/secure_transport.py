"""Whether a request came over TLS, which a proxy before the program ends."""

from __future__ import annotations

from collections.abc import Callable

from monynha.protocols.http.client_ip import TrustedProxies
from monynha.protocols.http.request import Scope

IsSecure = Callable[[Scope], bool]


def secure_transport_detector(site_url: str, trusted_networks: tuple[str, ...]) -> IsSecure:
    """Return what tells whether browsers reach the program over TLS.

    They do if the site's own URL says so, whatever a request says, or if a trusted proxy does (X-Forwarded-Proto).
    """
    if site_url.lower().startswith("https:"):
        return lambda _: True
    proxies = TrustedProxies.from_networks(trusted_networks)

    def is_secure(scope: Scope) -> bool:
        return proxies.trusts_peer(scope) and _forwarded_protocol(scope) == b"https"

    return is_secure


def _forwarded_protocol(scope: Scope) -> bytes:
    """Return the protocol that the nearest proxy reports."""
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
    return b",".join(values).rpartition(b",")[2].strip().lower()
