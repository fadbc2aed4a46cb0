"""The IP address of a client: the peer's, or what a trusted proxy forwards for it (X-Forwarded-For)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from monynha.protocols.http.request import Scope, peer_ip

ClientIpOf = Callable[[Scope], str]


def client_ip_resolver(trusted_networks: tuple[str, ...]) -> ClientIpOf:
    """Return what resolves the client IP of a scope, behind proxies in these networks (CIDR)."""
    if not trusted_networks:
        return peer_ip
    return _ForwardedIpResolver(TrustedProxies.from_networks(trusted_networks))


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies whose headers about a client are believed; other proxies' are ignored (RFC 7239 §8.1)."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def from_networks(cls, networks: tuple[str, ...]) -> TrustedProxies:
        """Return the proxies in these networks (CIDR)."""
        return cls(tuple(ip_network(network, strict=False) for network in networks))

    def trusts(self, ip: str) -> bool:
        """Whether an address is a trusted proxy's; the peer of a Unix socket, which has none, is one."""
        if not ip:
            # It can only be a proxy on this machine.
            return True
        return _is_ip(ip) and any(_parse_ip(ip) in network for network in self.networks)

    def trusts_peer(self, scope: Scope) -> bool:
        """Whether the peer of a request is a trusted proxy; none is where no networks are named."""
        return bool(self.networks) and self.trusts(peer_ip(scope))


@dataclass(frozen=True)
class _ForwardedIpResolver:
    """Resolves the IP address of a request's client."""

    proxies: TrustedProxies

    def __call__(self, scope: Scope) -> str:
        """Return the address of the nearest hop that is not a trusted proxy; empty for a Unix socket."""
        nearest = peer_ip(scope)
        if not self.proxies.trusts(nearest):
            return nearest
        forwarded_values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(forwarded_values).decode("latin-1").split(",") if forwarded_values else []
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            if not _is_ip(hop):
                return nearest
            nearest = hop
            if not self.proxies.trusts(hop):
                break
        return nearest


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
