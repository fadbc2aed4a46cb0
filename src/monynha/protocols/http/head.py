"""What the parser lets through of a head, and the standard does not (RFC 9112 §2.3, §3.2, §6.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_HOST: Final = re.compile(rb"[\w.~%!$&'()*+,;=:\[\]-]*", re.ASCII)


def is_sound(version: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether everybody on the way reads the same from a head: who is asked, and where its body ends."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1:
        return not hosts and version == "1.0"
    if version not in ("1.0", "1.1") or not _HOST.fullmatch(hosts[0]):
        return False
    # A coding beside `chunked` would be left in the body, which nobody here takes off.
    return all(value.lower() == b"chunked" for name, value in headers if name == b"transfer-encoding")
