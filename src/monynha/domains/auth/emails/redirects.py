"""Redirect policy: the URLs that a mailed link may lead to, so that tokens never reach another site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_MAX_URL_LENGTH = 2000
_LOCALHOST_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
# `urlsplit` reads `[::1]evil.example` as the host ::1, and browsers parse it in their own way.
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?")
_AMBIGUOUS_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\<>\"'`{}|^]")


@dataclass(frozen=True)
class RedirectPolicy:
    """Allows the site itself, the configured origins and, in development, any port of this machine."""

    site_url: str
    allowed_origins: frozenset[str]
    allows_localhost: bool

    def resolve(self, requested_url: str | None) -> str:
        """Return the requested URL if it is allowed, else the site's."""
        return requested_url if requested_url and self._is_allowed(requested_url) else self.site_url

    def _is_allowed(self, url: str) -> bool:
        # A URL that a browser could parse differently is refused.
        if len(url) > _MAX_URL_LENGTH or not url.isascii() or _AMBIGUOUS_CHARACTERS.search(url):
            return False
        try:
            origin = _origin(url)
        except ValueError:
            return False
        if origin is None:
            return False
        if self.allows_localhost and _LOCALHOST_ORIGIN.fullmatch(origin):
            return True
        return origin == _origin(self.site_url) or origin in self.allowed_origins


def _origin(url: str) -> str | None:
    """Return `scheme://host:port` of a plain http(s) URL, None for anything else."""
    url_parts = urlsplit(url)
    if url_parts.scheme not in ("http", "https") or not _NETLOC.fullmatch(url_parts.netloc):
        return None
    if not url_parts.hostname:
        return None
    default_port = {"http": 80, "https": 443}[url_parts.scheme]
    port = f":{url_parts.port}" if url_parts.port not in (None, default_port) else ""
    host = f"[{url_parts.hostname}]" if ":" in url_parts.hostname else url_parts.hostname
    return f"{url_parts.scheme}://{host}{port}"
