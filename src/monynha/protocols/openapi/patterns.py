"""Regular expressions for JSON Schema, which all dialects read alike.

`\\s` is not used: it differs between dialects, and from what Python's `str.strip` removes.
"""

from __future__ import annotations

from typing import Final

from monynha.protocols.rest.query_params import MAX_VALUES

_BLANK = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

ANY_TEXT: Final = r"^[^\u0000]*$"
"""Any text without a NUL character."""

NON_BLANK_TEXT: Final = rf"^[^\u0000]*[^\u0000{_BLANK}][^\u0000]*$"
"""A text that is not empty when stripped."""

LIST_ITEM: Final = rf"[^\u0000,]*[^\u0000,{_BLANK}][^\u0000,]*"
"""An item of a comma-separated list."""

UUID: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""An id, without anchors."""

SEARCH_WORDS: Final = rf"^[{_BLANK}]*([^\u0000{_BLANK}]+([{_BLANK}]+|$)){{0,20}}$"
"""At most 20 words."""

_NOT_IN_URL = rf"\u0000-\u0020\u007f<>\"'`\\{_BLANK}"
HTTP_URL: Final = rf"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9][0-9]{{0,3}})?([/?#][^{_NOT_IN_URL}]*)?$"
"""An http or https URL."""

IDEMPOTENCY_KEY: Final = r"^[ -~]{1,255}$"
"""A value of the Idempotency-Key header."""


def comma_list(item: str) -> str:
    """Return the pattern of a comma-separated list of such items."""
    return f"^{item}(,{item}){{0,{MAX_VALUES - 1}}}$"
