"""Whether a request came over TLS: by the site's own URL, or by what a trusted proxy reports."""

from __future__ import annotations

import pytest

from monynha.protocols.http.request import Scope
from monynha.protocols.http.secure_transport import secure_transport_detector

PROXIES = ("10.0.0.0/8",)


@pytest.mark.parametrize(("site_url", "proxies", "peer_ip", "forwarded", "expected"), [
    ("https://board.example.org", (), "198.51.100.7", [], True),
    ("HTTPS://board.example.org", (), "198.51.100.7", ["http"], True),
    ("http://board.example.org", (), "198.51.100.7", [], False),
    # Whoever connects without a proxy may write what they want.
    ("http://board.example.org", (), "198.51.100.7", ["https"], False),
    ("http://board.example.org", (), "", ["https"], False),
    ("http://board.example.org", PROXIES, "198.51.100.7", ["https"], False),
    ("http://board.example.org", PROXIES, "10.1.1.1", ["https"], True),
    ("http://board.example.org", PROXIES, "10.1.1.1", ["HTTPS"], True),
    ("http://board.example.org", PROXIES, "10.1.1.1", ["http"], False),
    # The client's own comes first, the proxy's last.
    ("http://board.example.org", PROXIES, "10.1.1.1", ["https, http"], False),
    ("http://board.example.org", PROXIES, "10.1.1.1", ["https", "http"], False),
    ("http://board.example.org", PROXIES, "10.1.1.1", [], False),
    ("http://board.example.org", PROXIES, "", ["https"], True),
])  # fmt: skip
def test_transport_is_secure_where_the_site_or_its_proxy_says_so(
    site_url: str, proxies: tuple[str, ...], peer_ip: str, forwarded: list[str], expected: bool
) -> None:
    headers = [(b"x-forwarded-proto", value.encode()) for value in forwarded]
    client = (peer_ip, 1234) if peer_ip else None
    scope: Scope = {"type": "http", "path": "/", "query_string": b"", "headers": headers, "client": client}

    assert secure_transport_detector(site_url, proxies)(scope) is expected
