"""The IP address of a client: the peer's, or what a trusted proxy forwards for it (X-Forwarded-For)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from monynha.protocols.http.request import Scope


@dataclass(frozen=True)
class ClientIpResolver:
    """Resolves the IP address of a request's client; other proxies' headers are ignored (RFC 7239 §8.1)."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def trusting(cls, networks: tuple[str, ...]) -> ClientIpResolver:
        """Return a resolver that trusts proxies in these networks (CIDR)."""
        return cls(tuple(ip_network(network, strict=False) for network in networks))

    def __call__(self, scope: Scope) -> str:
        """Return the address of the nearest hop that is not a trusted proxy; empty for a Unix socket."""
        peer = scope.get("client")
        nearest: str = peer[0] if peer else ""
        if not self.trusted_proxies or not self._is_trusted(nearest):
            return nearest
        forwarded_values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(forwarded_values).decode("latin-1").split(",") if forwarded_values else []
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            if not _is_ip(hop):
                return nearest
            nearest = hop
            if not self._is_trusted(hop):
                break
        return nearest

    def _is_trusted(self, ip: str) -> bool:
        if not ip:
            # The peer of a Unix socket has no address: it can only be a proxy on this machine.
            return True
        return _is_ip(ip) and any(_parse_ip(ip) in network for network in self.trusted_proxies)


def _parse_ip(ip: str) -> IPv4Address | IPv6Address:
    parsed = ip_address(ip)
    # A dual-stack socket reports an IPv4 client as ::ffff:192.0.2.1.
    return (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped) or parsed


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
