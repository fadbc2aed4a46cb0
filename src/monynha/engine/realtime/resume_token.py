"""Encode how far a client has read its streams, as an opaque text that it sends back to resume."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from uuid import UUID

import orjson

from monynha.engine.realtime.event_log import Stream

_MAX_LENGTH = 300_000


def encode_resume_token(versions: Mapping[Stream, int]) -> str:
    """Return the versions as unpadded base64url of a JSON list `[[kind, id, version], …]`."""
    entries = [[stream.kind, str(stream.id), version] for stream, version in sorted(versions.items())]
    return base64.urlsafe_b64encode(orjson.dumps(entries)).rstrip(b"=").decode()


def decode_resume_token(token: object) -> dict[Stream, int]:
    """Return the versions in a token; ValueError if it is not one of ours."""
    if not isinstance(token, str) or len(token) > _MAX_LENGTH:
        raise ValueError("must be a resume token")
    try:
        entries = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        versions = {Stream(str(kind), UUID(id)): version for kind, id, version in entries}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError("must be a resume token") from error
    # `type` and not isinstance: a bool is an int.
    if any(type(version) is not int or not 0 <= version < 2**63 for version in versions.values()):
        raise ValueError("must be a resume token")
    return versions
