"""The forms of texts as JSON Schema patterns, spelled so that every dialect reads them alike.

`\\s` is not used: what it holds differs between dialects, and from what Python's `strip` takes away.
"""

from __future__ import annotations

from typing import Final

from monynha.protocols.rest.question import MOST_VALUES

_BLANK = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

ANY: Final = r"^[^\u0000]*$"
"""Any text without a NUL."""

TRIMMED: Final = rf"^[^\u0000]*[^\u0000{_BLANK}][^\u0000]*$"
"""A text that is not empty once blanks around it are taken away."""

WORD: Final = rf"[^\u0000,]*[^\u0000,{_BLANK}][^\u0000,]*"
"""A value of a comma list."""

UUID: Final = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""An id, as part of a pattern."""

SEARCH: Final = rf"^[{_BLANK}]*([^\u0000{_BLANK}]+([{_BLANK}]+|$)){{0,20}}$"
"""At most twenty words."""

_ODD = rf"\u0000-\u0020\u007f<>\"'`\\{_BLANK}"
WEB: Final = rf"^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9][0-9]{{0,3}})?([/?#][^{_ODD}]*)?$"
"""An http or https address."""

PRINTABLE: Final = r"^[ -~]{1,255}$"
"""What Idempotency-Key takes."""


def list_of(value: str) -> str:
    """Return the pattern of a comma list of values of that form."""
    return f"^{value}(,{value}){{0,{MOST_VALUES - 1}}}$"
