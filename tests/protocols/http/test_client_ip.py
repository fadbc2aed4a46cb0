"""The client IP: the peer's, or what a trusted proxy forwards."""

from __future__ import annotations

import pytest

from monynha.protocols.http.client_ip import ClientIpResolver
from monynha.protocols.http.request import Scope


@pytest.mark.parametrize(
    ("proxies", "peer_ip", "forwarded", "expected"),
    [
        ((), "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (("10.0.0.0/8",), "198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        (("10.0.0.0/8",), "10.1.1.1", ["203.0.113.9"], "203.0.113.9"),
        (("10.0.0.0/8",), "::ffff:10.1.1.1", ["203.0.113.9"], "203.0.113.9"),
        # The proxy appends the peer it saw to what the client sent.
        (("10.0.0.0/8",), "10.1.1.1", ["192.0.2.66, 203.0.113.9"], "203.0.113.9"),
        (("10.0.0.0/8",), "10.1.1.1", ["192.0.2.66", "203.0.113.9, 10.2.2.2"], "203.0.113.9"),
        (("10.0.0.0/8",), "10.1.1.1", [], "10.1.1.1"),
        (("10.0.0.0/8",), "10.1.1.1", ["nonsense"], "10.1.1.1"),
        (("10.0.0.0/8",), "10.1.1.1", ["203.0.113.9, nonsense"], "10.1.1.1"),
        (("10.0.0.0/8",), "10.1.1.1", ["10.3.3.3"], "10.3.3.3"),
        (("2001:db8::/32",), "2001:db8::1", ["2001:4860::8"], "2001:4860::8"),
        (("10.0.0.0/8",), "", ["203.0.113.9"], "203.0.113.9"),
        ((), "", ["203.0.113.9"], ""),
    ],
)
def test_forwarded_ip_is_used_behind_trusted_proxies_only(
    proxies: tuple[str, ...], peer_ip: str, forwarded: list[str], expected: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    client = (peer_ip, 1234) if peer_ip else None
    scope: Scope = {"type": "http", "path": "/", "query_string": b"", "headers": headers, "client": client}

    assert ClientIpResolver.trusting(proxies)(scope) == expected
