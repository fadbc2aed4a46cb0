"""How far streams were heard, as clients keep it: a text that they send back to go on from there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from uuid import UUID

import orjson

from monynha.engine.realtime.event_log import Stream


def encode_resume_token(versions: Mapping[Stream, int]) -> str:
    """Return how far streams were heard, opaque to clients."""
    entries = [[one.kind, str(one.id), version] for one, version in sorted(versions.items())]
    return base64.urlsafe_b64encode(orjson.dumps(entries)).rstrip(b"=").decode()


def decode_resume_token(token: object) -> dict[Stream, int]:
    """Read a position (ValueError for what is none)."""
    if not isinstance(token, str) or len(token) > 300_000:
        raise ValueError("a position is a text")
    try:
        entries = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        versions = {Stream(str(kind), UUID(id)): version for kind, id, version in entries}
    except (binascii.Error, TypeError, AttributeError, UnicodeEncodeError) as error:
        raise ValueError("not a position") from error
    if any(type(one) is not int or not 0 <= one < 2**63 for one in versions.values()):
        raise ValueError("not a position")
    return versions
