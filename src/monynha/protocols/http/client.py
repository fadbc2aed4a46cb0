"""The address a request comes from: the socket's, or behind a trusted proxy what it forwards."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from monynha.protocols.http.request import Scope


@dataclass(frozen=True)
class Clients:
    """Tells clients apart by address; only the named proxies are believed (RFC 7239 §8.1)."""

    proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def behind(cls, proxies: tuple[str, ...]) -> Clients:
        """Return what believes the proxies in those networks."""
        return cls(tuple(ip_network(one, strict=False) for one in proxies))

    def __call__(self, scope: Scope) -> str:
        """Return the client's address, from the nearest hop that is no trusted proxy."""
        client = scope.get("client")
        nearest: str = client[0] if client else ""
        if not self.proxies or not self._is_trusted(nearest):
            return nearest
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(forwarded).decode("latin-1").split(",") if forwarded else []
        for hop in reversed([one.strip() for one in hops if one.strip()]):
            if not _is_address(hop):
                return nearest
            nearest = hop
            if not self._is_trusted(hop):
                break
        return nearest

    def _is_trusted(self, text: str) -> bool:
        if not text:
            # A Unix socket has no address: only a proxy on this machine can be at its other end.
            return True
        return _is_address(text) and any(_address(text) in network for network in self.proxies)


def _address(text: str) -> IPv4Address | IPv6Address:
    found = ip_address(text)
    # A socket for both families writes an IPv4 client as ::ffff:192.0.2.1.
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
