"""Which version of a row an answer shows, and which one a caller wants (RFC 9110 §8.8.3, §13.1)."""

from __future__ import annotations

import hashlib
import re

from monynha.core.errors import BadRequest, PreconditionFailed
from monynha.engine.query import Found
from monynha.protocols.http.response import Headers

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


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
    return header.strip() == "*" or tag.strip('"') in _TAG.findall(header)


def wanted_version(header: str | None) -> int | None:
    """Return the row version that `If-Match` wants, None for any; a tag that is not ours matches nothing."""
    if header is None or header.strip() == "*":
        return None
    if header.strip().startswith("W/"):
        # If-Match compares strongly, and a weak tag never does (RFC 9110 §13.1.1).
        raise PreconditionFailed()
    tags = _TAG.findall(header)
    if not tags:
        raise BadRequest(
            "If-Match must be an entity tag or *.", details={"If-Match": "must be an entity tag or *"}
        )
    versions = {tag.partition("-")[0] for tag in tags}
    if len(versions) != 1:
        raise BadRequest("If-Match must name one version.", details={"If-Match": "must name one version"})
    version = versions.pop()
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise PreconditionFailed()
    return int(version)
