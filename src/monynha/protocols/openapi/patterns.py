"""The forms of texts as JSON Schema patterns, spelled so that every dialect reads them alike.

`\\s` is not used: what it holds differs between dialects, and from what Python's `strip` takes away.
"""

from __future__ import annotations

from typing import Final

from monynha.protocols.rest.query_params import MAX_VALUES

_BLANK = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

ANY_TEXT: Final = r"^[^\u0000]*$"
"""Any text without a NUL."""

NON_BLANK_TEXT: Final = rf"^[^\u0000]*[^\u0000{_BLANK}][^\u0000]*$"
"""A text that is not empty once blanks around it are taken away."""

LIST_ITEM: Final = rf"[^\u0000,]*[^\u0000,{_BLANK}][^\u0000,]*"
"""A value of a comma list."""

UUID: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""An id, as part of a pattern."""

SEARCH_WORDS: Final = rf"^[{_BLANK}]*([^\u0000{_BLANK}]+([{_BLANK}]+|$)){{0,20}}$"
"""At most twenty words."""

_NOT_IN_URL = rf"\u0000-\u0020\u007f<>\"'`\\{_BLANK}"
HTTP_URL: Final = rf"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9][0-9]{{0,3}})?([/?#][^{_NOT_IN_URL}]*)?$"
"""An http or https address."""

IDEMPOTENCY_KEY: Final = r"^[ -~]{1,255}$"
"""What Idempotency-Key takes."""


def comma_list(item: str) -> str:
    """Return the pattern of a comma list of values of that form."""
    return f"^{item}(,{item}){{0,{MAX_VALUES - 1}}}$"
