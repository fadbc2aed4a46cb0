"""How far streams were heard, as clients keep it: a text that they send back to go on from there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from uuid import UUID

import orjson

from monynha.engine.history import Stream


def write_position(positions: Mapping[Stream, int]) -> str:
    """Return how far streams were heard, opaque to clients."""
    told = [[one.kind, str(one.id), version] for one, version in sorted(positions.items())]
    return base64.urlsafe_b64encode(orjson.dumps(told)).rstrip(b"=").decode()


def read_position(text: object) -> dict[Stream, int]:
    """Read a position (ValueError for what is none)."""
    if not isinstance(text, str) or len(text) > 300_000:
        raise ValueError("a position is a text")
    try:
        told = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        found = {Stream(str(kind), UUID(id)): version for kind, id, version in told}
    except (binascii.Error, TypeError, AttributeError, UnicodeEncodeError) as error:
        raise ValueError("not a position") from error
    if any(type(one) is not int or not 0 <= one < 2**63 for one in found.values()):
        raise ValueError("not a position")
    return found
