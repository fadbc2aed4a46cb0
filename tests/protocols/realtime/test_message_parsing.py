"""Messages of clients must be JSON objects."""

from __future__ import annotations

import pytest

from monynha.core.errors import BadRequestError
from monynha.protocols.realtime.message_parsing import parse_message_object


@pytest.mark.parametrize("message", ['{"a": 1}', b'{"a": 1}'], ids=["text", "bytes"])
def test_object_is_returned_from_text_and_bytes(message: str | bytes) -> None:
    assert parse_message_object(message) == {"a": 1}


@pytest.mark.parametrize("message", ["", "[]", "1", "null", '{"a": 1, "a": 2}', b"\xff"])
def test_anything_else_is_a_bad_request(message: str | bytes) -> None:
    with pytest.raises(BadRequestError):
        parse_message_object(message)
