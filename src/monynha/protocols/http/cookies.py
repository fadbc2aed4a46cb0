"""Cookies (RFC 6265): read one from a request, write one into a response."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monynha.protocols.http.request import Header, Request

_SEPARATOR = re.compile(r"[;,]\s*")
"""A comma too, because repeated Cookie headers are joined by one."""


@dataclass(frozen=True, slots=True)
class CookieKind:
    """A cookie that no script reads and that no other site's requests carry (HttpOnly, SameSite=Strict)."""

    name: str
    path: str
    is_secure: bool
    """Whether it is sent over TLS only."""

    def read(self, request: Request) -> str | None:
        """Return the value that a request carries, the first if there are several; None for none and for empty."""
        for pair in _SEPARATOR.split(request.header(b"cookie") or ""):
            name, _, value = pair.partition("=")
            if name.strip() == self.name:
                return value.strip() or None
        return None

    def write(self, value: str, max_age_s: int) -> Header:
        """Return the header that sets it; the value needs no quoting, as base64url needs none."""
        secure = "; Secure" if self.is_secure else ""
        text = f"{self.name}={value}; Path={self.path}; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
        return (b"set-cookie", text.encode("ascii"))

    def delete(self) -> Header:
        """Return the header that deletes it."""
        return self.write("", 0)
