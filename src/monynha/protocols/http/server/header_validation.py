"""What the parser lets through of a head, and the standard does not (RFC 9112 §2.3, §3.2, §6.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_HOST_PATTERN: Final = re.compile(rb"[\w.~%!$&'()*+,;=:\[\]-]*", re.ASCII)


def is_valid_head(version: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether everybody on the way reads the same from a head: who is asked, and where its body ends."""
    host_count = 0
    for name, value in headers:
        if name == b"host":
            host_count += 1
            if not _HOST_PATTERN.fullmatch(value):
                return False
        # A coding beside `chunked` would be left in the body, which nobody here takes off.
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            return False
    return host_count == 1 if version == "1.1" else version == "1.0" and host_count < 2
