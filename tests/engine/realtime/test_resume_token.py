"""Resume tokens: they keep every version, and anything else is refused."""

from __future__ import annotations

import base64
from uuid import UUID

import orjson
import pytest

from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.resume_token import decode_resume_token, encode_resume_token

STREAM_ID = UUID(int=7)


def encode(value: object) -> str:
    """Return JSON as a token would hold it."""
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


@pytest.mark.parametrize("versions", [{}, {Stream("project", STREAM_ID): 0, Stream("user", STREAM_ID): 2**63 - 1}])
def test_token_keeps_all_versions(versions: dict[Stream, int]) -> None:
    assert decode_resume_token(encode_resume_token(versions)) == versions


def test_token_does_not_depend_on_the_order_of_streams() -> None:
    first, second = Stream("project", STREAM_ID), Stream("user", STREAM_ID)

    assert encode_resume_token({first: 1, second: 2}) == encode_resume_token({second: 2, first: 1})


@pytest.mark.parametrize(
    "token",
    [
        None,
        5,
        "not base64!",
        "ü",
        "a" * 300_001,
        encode("text"),
        encode(5),
        encode([["project", "no UUID", 1]]),
        encode([["project", str(STREAM_ID)]]),
        encode([["project", str(STREAM_ID), -1]]),
        encode([["project", str(STREAM_ID), 2**63]]),
        encode([["project", str(STREAM_ID), True]]),
        encode([["project", str(STREAM_ID), 1.5]]),
    ],
)
def test_anything_else_is_refused(token: object) -> None:
    with pytest.raises(ValueError, match="resume token"):
        decode_resume_token(token)
