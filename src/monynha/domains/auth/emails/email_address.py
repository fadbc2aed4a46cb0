"""Mail addresses, and the addresses of pages that somebody may be sent back to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from monynha.core.errors import ValidationFailedError

MAX_EMAIL_LENGTH = 255
_LOCALHOST_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
# `urlsplit` takes `[::1]evil.example` for the host ::1, and browsers have readings of their own.
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?")
_AMBIGUOUS_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\<>\"'`{}|^]")


def normalize_email(text: str) -> str:
    """Return a mail address in the one form in which it is kept and compared; Invalid where it is none."""
    try:
        # No question to the DNS, and names of a house network are fine: it may be hosted there.
        validated = validate_email(
            text.strip()[: MAX_EMAIL_LENGTH + 1],
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except EmailNotValidError:
        raise ValidationFailedError(email="is no valid mail address") from None
    email = validated.normalized.lower()
    if len(email) > MAX_EMAIL_LENGTH:
        raise ValidationFailedError(email=f"is longer than {MAX_EMAIL_LENGTH} characters")
    return email


@dataclass(frozen=True)
class RedirectPolicy:
    """Where a link may lead: our own site, origins that were named, and at a desk this machine."""

    site_url: str
    allowed_origins: frozenset[str]
    allows_localhost: bool

    def resolve(self, requested_url: str | None) -> str:
        """Return the wanted address where it is allowed, else the site's: tokens never go to strangers."""
        return requested_url if requested_url and self._is_allowed(requested_url) else self.site_url

    def _is_allowed(self, url: str) -> bool:
        # What browsers and we could read in two ways is refused whole.
        if len(url) > 2000 or not url.isascii() or _AMBIGUOUS_CHARACTERS.search(url):
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
    """Return `scheme://host:port` of a plain http(s) address, None for anything else."""
    url_parts = urlsplit(url)
    if url_parts.scheme not in ("http", "https") or not _NETLOC.fullmatch(url_parts.netloc) or not url_parts.hostname:
        return None
    default_port = {"http": 80, "https": 443}[url_parts.scheme]
    port = f":{url_parts.port}" if url_parts.port not in (None, default_port) else ""
    host = f"[{url_parts.hostname}]" if ":" in url_parts.hostname else url_parts.hostname
    return f"{url_parts.scheme}://{host}{port}"
