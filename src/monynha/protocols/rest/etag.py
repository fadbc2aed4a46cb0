"""Entity tags: the version of a row that a response has, and the versions that a client wants (RFC 9110 §8.8.3, §13.1).

A tag is `"<row version>-<hash of the JSON>"`. The hash distinguishes what was selected of a version; a write compares
the version alone.
"""

from __future__ import annotations

import hashlib
import re

from monynha.core.errors import BadRequestError
from monynha.engine.query.parameter import JsonRow
from monynha.protocols.http.response import Headers

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_ENTITY_TAGS = re.compile(f"\\s*{_ENTITY_TAG.pattern}(?:\\s*,\\s*{_ENTITY_TAG.pattern})*\\s*")
_OUR_TAG = re.compile(r"([0-9]{1,18})-.*")


def compute_etag(row: JsonRow) -> str:
    """Return the strong entity tag of a row."""
    return f'"{row.version}-{hashlib.blake2b(row.json, digest_size=9).hexdigest()}"'


def item_headers(etag: str) -> Headers:
    """Return the headers of a response with one row."""
    return (
        (b"etag", etag.encode()),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"Authorization"),
    )


def matches_etag(header: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names the tag; the comparison is weak (RFC 9110 §13.1.2)."""
    if header is None:
        return False
    return header.strip() == "*" or etag.strip('"') in (opaque for _, opaque in _ENTITY_TAG.findall(header))


def parse_if_match(header: str | None) -> tuple[int, ...] | None:
    """Return the row versions that `If-Match` names, None for any; BadRequestError for an invalid header.

    The comparison is strong (RFC 9110 §13.1.1), so a weak tag matches nothing; nor does a tag of another server.
    """
    if header is None or header.strip() == "*":
        return None
    if not _ENTITY_TAGS.fullmatch(header):
        problem = "must be entity tags or *"
        raise BadRequestError(f"If-Match {problem}.", details={"If-Match": problem})
    strong_tags = [opaque for weak, opaque in _ENTITY_TAG.findall(header) if not weak]
    return tuple(int(match[1]) for opaque in strong_tags if (match := _OUR_TAG.fullmatch(opaque)))
