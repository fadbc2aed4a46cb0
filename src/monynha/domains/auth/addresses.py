"""Mail addresses, and the addresses of pages that somebody may be sent back to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from monynha.core.errors import Invalid

EMAIL_LIMIT = 255
_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
# `urlsplit` takes `[::1]evil.example` for the host ::1, and browsers have readings of their own.
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?")
_ODD = re.compile(r"[\x00-\x20\x7f\\<>\"'`{}|^]")


def normal_email(text: str) -> str:
    """Return a mail address in the one form in which it is kept and compared; Invalid where it is none."""
    try:
        # No question to the DNS, and names of a house network are fine: it may be hosted there.
        found = validate_email(
            text.strip()[: EMAIL_LIMIT + 1],
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except EmailNotValidError:
        raise Invalid(email="is no valid mail address") from None
    email = found.normalized.lower()
    if len(email) > EMAIL_LIMIT:
        raise Invalid(email=f"is longer than {EMAIL_LIMIT} characters")
    return email


@dataclass(frozen=True)
class Redirects:
    """Where a link may lead: our own site, origins that were named, and at a desk this machine."""

    site_url: str
    origins: frozenset[str]
    any_local: bool

    def checked(self, wanted: str | None) -> str:
        """Return the wanted address where it is allowed, else the site's: tokens never go to strangers."""
        return wanted if wanted and self._allows(wanted) else self.site_url

    def _allows(self, wanted: str) -> bool:
        # What browsers and we could read in two ways is refused whole.
        if len(wanted) > 2000 or not wanted.isascii() or _ODD.search(wanted):
            return False
        try:
            origin = _origin(wanted)
        except ValueError:
            return False
        if origin is None:
            return False
        if self.any_local and _LOCAL.fullmatch(origin):
            return True
        return origin == _origin(self.site_url) or origin in self.origins


def _origin(url: str) -> str | None:
    """Return `scheme://host:port` of a plain http(s) address, None for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not _NETLOC.fullmatch(parts.netloc) or not parts.hostname:
        return None
    default = {"http": 80, "https": 443}[parts.scheme]
    port = f":{parts.port}" if parts.port not in (None, default) else ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"
