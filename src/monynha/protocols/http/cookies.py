"""Cookies (RFC 6265): read one from a request, write one into a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monynha.protocols.http.request import Header, Request


@dataclass(frozen=True, slots=True)
class CookieKind:
    """A cookie that no script reads (HttpOnly)."""

    name: str
    path: str
    is_secure: bool
    """Whether it is sent over TLS only."""
    same_site: Literal["Strict", "Lax"] = "Strict"
    """Strict: no other site's requests carry it. Lax: where other sites lead here by a link or a redirect."""

    def read(self, request: Request) -> str | None:
        """Return the value that a request carries, the first if there are several; None for none and for empty."""
        return next(iter(self.read_all(request)), None) or None

    def read_all(self, request: Request) -> list[str]:
        """Return all values that a request carries: another host of the domain may have set one of the same name."""
        # Not joined by commas as other headers: a neighbouring domain may set a cookie whose value has a comma and what
        # looks like one of ours behind it, which a prefix such as `__Host-` would not keep out.
        lines = (value.decode("latin-1") for name, value in request.scope["headers"] if name == b"cookie")
        pairs = (pair.partition("=") for line in lines for pair in line.split(";"))
        return [value.strip() for name, _, value in pairs if name.strip() == self.name]

    def write(self, value: str, max_age_s: int) -> Header:
        """Return the header that sets it; the value needs no quoting, as base64url needs none."""
        attributes = f"Path={self.path}; Max-Age={max_age_s}; HttpOnly; SameSite={self.same_site}"
        secure = "; Secure" if self.is_secure else ""
        return (b"set-cookie", f"{self.name}={value}; {attributes}{secure}".encode("ascii"))

    def delete(self) -> Header:
        """Return the header that deletes it."""
        return self.write("", 0)
