"""Conditional and partial requests for a stored representation (RFC 9110 §13 and §14): 200, 206, 304 or 416."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from monynha.protocols.http.request import Request

# More digits than any size has.
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Representation:
    """What is known about a stored body: its strong ETag, its size in bytes, and when it was stored."""

    etag: str
    size: int
    modified_at: datetime

    @property
    def last_modified(self) -> str:
        """The time as `Last-Modified`, which has whole seconds."""
        return format_datetime(self.modified_at, usegmt=True)


@dataclass(frozen=True, slots=True)
class Selection:
    """The status of the response, and the bytes from `start` up to `end` (exclusive) that it contains."""

    status: int
    start: int
    end: int


def select(request: Request, representation: Representation) -> Selection:
    """Return what of a representation answers a GET or HEAD.

    Several ranges, and a range in another unit or form, are ignored, as §14.2 allows: the whole body is sent, once,
    however many ranges there are.
    """
    if _is_not_modified(request, representation):
        return Selection(304, 0, 0)
    size = representation.size
    match = _RANGE.fullmatch(request.header(b"range") or "")
    if match is None or not _may_be_partial(request, representation):
        return Selection(200, 0, size)
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
        is_satisfiable = int(suffix) > 0 and size > 0
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        is_satisfiable = start < size
        if last and int(last) < start:
            return Selection(200, 0, size)
    return Selection(206, start, end) if is_satisfiable else Selection(416, 0, 0)


def content_range(selection: Selection, size: int) -> str:
    """Return the `Content-Range` of a 206 or 416."""
    return f"bytes */{size}" if selection.status == 416 else f"bytes {selection.start}-{selection.end - 1}/{size}"


def _is_not_modified(request: Request, representation: Representation) -> bool:
    """Whether the client has the representation already; If-None-Match goes before If-Modified-Since."""
    none_match = request.header(b"if-none-match")
    if none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in none_match.split(",")]
        return "*" in tags or representation.etag in tags
    since = _parse_date(request.header(b"if-modified-since"))
    return since is not None and representation.modified_at.replace(microsecond=0) <= since


def _may_be_partial(request: Request, representation: Representation) -> bool:
    """Whether If-Range, where it is sent, names this representation."""
    if_range = request.header(b"if-range")
    if if_range is None or if_range == representation.etag:
        return True
    return _parse_date(if_range) == representation.modified_at.replace(microsecond=0)


def _parse_date(text: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return parsed if parsed is None or parsed.tzinfo is not None else None
