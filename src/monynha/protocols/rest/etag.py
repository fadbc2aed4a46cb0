"""Which version of a row an answer shows, and which one a caller wants (RFC 9110 §8.8.3, §13.1)."""

from __future__ import annotations

import hashlib
import re

from monynha.core.errors import BadRequest
from monynha.engine.query import Found
from monynha.protocols.http.response import Headers

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TAGS = re.compile(f"\\s*{_TAG.pattern}(?:\\s*,\\s*{_TAG.pattern})*\\s*")
_OURS = re.compile(r"([0-9]{1,18})-.*")


def etag(found: Found) -> str:
    """Return `"<row version>-<hash of body>"`."""
    return f'"{found.version}-{hashlib.blake2b(found.body, digest_size=9).hexdigest()}"'


def of_item(tag: str) -> Headers:
    """Return the headers of a single read."""
    return (
        (b"etag", tag.encode()),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"Authorization"),
    )


def matches(header: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names the tag; the weak comparison, as for every GET."""
    if header is None:
        return False
    return header.strip() == "*" or tag.strip('"') in (opaque for _, opaque in _TAG.findall(header))


def wanted_versions(header: str | None) -> tuple[int, ...] | None:
    """Return the row versions that `If-Match` wants, None for any.

    It compares strongly (RFC 9110 §13.1.1), so a weak tag matches nothing; neither does one that is not ours.
    """
    if header is None or header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        problem = "must be entity tags or *"
        raise BadRequest(f"If-Match {problem}.", details={"If-Match": problem})
    strong = [opaque for weak, opaque in _TAG.findall(header) if not weak]
    return tuple(int(found[1]) for opaque in strong if (found := _OURS.fullmatch(opaque)))
