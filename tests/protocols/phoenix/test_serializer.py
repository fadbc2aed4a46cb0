"""Phoenix messages of both protocol versions, and malformed ones."""

from __future__ import annotations

import json

import pytest

from monynha.core.errors import BadRequestError
from monynha.protocols.phoenix.serializer import Push, decode_push, encode_binary_message, encode_message

PUSH = Push("t", "e", {"n": 1}, "2", "1")
BINARY_HEADER = bytes((3, 1, 1, 1, 1, 0))


@pytest.mark.parametrize(
    ("message", "is_v2", "expected"),
    [
        ('{"topic":"t","event":"e","payload":{"n":1},"ref":"2","join_ref":"1"}', False, PUSH),
        ('["1","2","t","e",{"n":1}]', True, PUSH),
        ('[null,3,"t","e",[1]]', True, Push("t", "e", {}, "3")),
        (
            BINARY_HEADER + b"\x0112te" + b'{"n":1}',
            True,
            Push("t", "broadcast", {"type": "broadcast", "event": "e", "payload": {"n": 1}}, "2", "1"),
        ),
        (
            BINARY_HEADER + b"\x0012te" + b"\xff",
            True,
            Push("t", "broadcast", {"type": "broadcast", "event": "e"}, "2", "1", b"\xff"),
        ),
    ],
    ids=range(5),
)
def test_message_is_decoded(message: str | bytes, is_v2: bool, expected: Push) -> None:
    assert decode_push(message, is_v2=is_v2) == expected


@pytest.mark.parametrize(
    ("message", "is_v2"),
    [
        ("junk", False),
        ("[]", False),
        ("{}", False),
        ("{}", True),
        ("[1,2,3]", True),
        ('[null,null,1,"e",{}]', True),
        (b"", True),
        (b"\x07abcdefg", True),
        (BINARY_HEADER + b"\x01", True),
        (BINARY_HEADER + b"\x01\xff\xff\xff\xff", True),
    ],
    ids=range(10),
)
def test_malformed_message_is_a_bad_request(message: str | bytes, is_v2: bool) -> None:
    with pytest.raises(BadRequestError):
        decode_push(message, is_v2=is_v2)


def test_every_key_is_encoded_also_when_it_is_null() -> None:
    assert json.loads(encode_message("t", "e", b'{"n":1}', is_v2=False)) == {
        "topic": "t",
        "event": "e",
        "payload": {"n": 1},
        "ref": None,
    }
    assert json.loads(encode_message("t", "e", b"{}", is_v2=True, ref="2", join_ref="1")) == ["1", "2", "t", "e", {}]


def test_binary_broadcast_has_a_header_with_sizes() -> None:
    assert encode_binary_message("té", "e", b"\xff") == bytes((4, 3, 1, 0, 0)) + "tée".encode() + b"\xff"
