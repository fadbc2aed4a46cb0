"""The media type of a body: recognized from its first bytes, whatever its client declares, and refused or not."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass

import filetype

from monynha.core.errors import UnsupportedMediaTypeError

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})
"""The types that are processed."""
_INLINE_TYPES = frozenset({*IMAGE_TYPES, "text/plain", "audio/mpeg", "audio/ogg", "video/mp4", "video/webm"})
"""What browsers show and never run."""
_BINARY = "application/octet-stream"
_TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/x-ndjson",
        "application/yaml",
        "application/rtf",
        "text/calendar",
        "text/csv",
        "text/markdown",
        "text/tab-separated-values",
        "text/vcard",
    }
)
"""What a text may declare itself to be: nothing in it runs."""
_MARKUP_BYTES = 1024
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|meta|style|table|a\s|img|p>|div)", re.I
)
_SVG = re.compile(rb"<(?:[\w-]+:)?svg[\s>/]", re.I)
_XML = re.compile(rb"\s*<\?xml", re.I)


def sniff_media_type(declared: str, head: bytes) -> str:
    """Return the media type of a body from its first bytes; a declared type only chooses among types of text."""
    guessed: str | None = filetype.guess_mime(head) if head else None
    if guessed is not None:
        return guessed
    if not _is_text(head):
        return _BINARY
    markup = head[:_MARKUP_BYTES]
    if _SVG.search(markup):
        return "image/svg+xml"
    if _HTML.search(markup):
        return "text/html"
    if _XML.match(head.removeprefix(codecs.BOM_UTF8)):
        return "application/xml"
    base_type = declared.partition(";")[0].strip().lower()
    return base_type if base_type in _TEXT_TYPES else "text/plain"


def is_shown_inline(content_type: str) -> bool:
    """Whether browsers may show a body in the page's own origin; everything else is downloaded."""
    return content_type in _INLINE_TYPES


@dataclass(frozen=True)
class MediaTypeRules:
    """Which types may be uploaded: those allowed and not denied, each as `image/png`, `image/*` or `*`."""

    allowed: Sequence[str] = ("*",)
    denied: Sequence[str] = ()

    def check(self, content_type: str) -> None:
        """Raise UnsupportedMediaTypeError if files of this type are refused."""
        if not _matches(content_type, self.allowed) or _matches(content_type, self.denied):
            raise UnsupportedMediaTypeError(
                f"Files of the type {content_type} are not accepted.",
                details={"file": "has a type that is not accepted"},
            )


def _matches(content_type: str, patterns: Sequence[str]) -> bool:
    family = content_type.partition("/")[0]
    return any(pattern in ("*", f"{family}/*", content_type) for pattern in patterns)


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters; a letter may be cut off at the end."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(letter < " " and letter not in "\t\n\r\f\x1b" for letter in text)
