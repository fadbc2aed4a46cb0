"""WebSocket frames: encoding, decoding in any pieces, fragments, violations of the protocol (RFC 6455 §5)."""

from __future__ import annotations

import pytest

from monynha.protocols.http.server.ws_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    FrameParser,
    WebSocketMessage,
    WebSocketProtocolError,
    encode_close_frame,
    encode_frame,
    frame_payload,
    parse_close_code,
)

MASK = b"\x01\x02\x03\x04"


def client_frame(payload: bytes, opcode: int = TEXT, *, is_final: bool = True, reserved: int = 0) -> bytes:
    """Return a masked frame."""
    size = len(payload)
    first_byte = (0x80 if is_final else 0) | reserved | opcode
    if size < 126:
        head = bytes((first_byte, 0x80 | size))
    elif size < 65536:
        head = bytes((first_byte, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((first_byte, 0xFF)) + size.to_bytes(8, "big")
    return head + MASK + bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))


def parse(parser: FrameParser, data: bytes) -> list[WebSocketMessage]:
    """Return what the parser makes of these bytes."""
    parser.feed(data)
    return list(iter(parser.parse_next, None))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_000])
def test_payloads_of_every_length_encoding_survive(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))

    assert frame_payload(encode_frame(payload)) == payload
    assert parse(FrameParser(1_000_000), client_frame(payload, BINARY)) == [WebSocketMessage(BINARY, payload)]


def test_frames_arrive_in_any_pieces() -> None:
    parser = FrameParser(1_000)
    data = client_frame(b"a" * 200) + client_frame(b"", PING) + client_frame(b"second")

    messages = [message for byte in data for message in parse(parser, bytes((byte,)))]

    assert messages == [
        WebSocketMessage(TEXT, b"a" * 200),
        WebSocketMessage(PING, b""),
        WebSocketMessage(TEXT, b"second"),
    ]


def test_fragments_are_joined_and_control_frames_may_come_between() -> None:
    data = (
        client_frame(b"first ", is_final=False)
        + client_frame(b"ping", PING)
        + client_frame(b"second ", 0, is_final=False)
        + client_frame(b"third", 0)
    )

    assert parse(FrameParser(1_000), data) == [
        WebSocketMessage(CONTINUATION, b""),
        WebSocketMessage(PING, b"ping"),
        WebSocketMessage(CONTINUATION, b""),
        WebSocketMessage(TEXT, b"first second third"),
    ]


def test_the_reason_of_a_close_frame_is_cut_to_what_fits() -> None:
    frame = encode_close_frame(1008, "x" * 200)

    assert frame[0] == 0x80 | CLOSE
    assert frame_payload(frame) == (1008).to_bytes(2, "big") + b"x" * 123


VIOLATIONS = {
    "reserved bit": (client_frame(b"x", reserved=0x40), 1002),
    "unknown opcode": (client_frame(b"x", 0x3), 1002),
    "unmasked": (encode_frame(b"x"), 1002),
    "fragmented control frame": (client_frame(b"", PING, is_final=False), 1002),
    "long control frame": (client_frame(b"x" * 126, PING), 1002),
    "continuation of nothing": (client_frame(b"x", 0), 1002),
    "message within a message": (client_frame(b"x", is_final=False) + client_frame(b"y"), 1002),
    "too long": (client_frame(b"x" * 1_001), 1009),
    "too long in fragments": (client_frame(b"x" * 600, is_final=False) + client_frame(b"x" * 600, 0), 1009),
    "too many fragments": (
        client_frame(b"", is_final=False) + client_frame(b"", 0, is_final=False) * 10_000,
        1008,
    ),
}


@pytest.mark.parametrize(("data", "code"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_violations_of_the_protocol_are_rejected(data: bytes, code: int) -> None:
    with pytest.raises(WebSocketProtocolError) as raised:
        parse(FrameParser(1_000), data)

    assert raised.value.code == code


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1014, 3000, 4999])
def test_a_valid_close_code_is_accepted(code: int) -> None:
    assert parse_close_code(code.to_bytes(2, "big") + "ä".encode()) == code
    assert parse_close_code(b"") == 1000


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        *[(invalid.to_bytes(2, "big"), 1002) for invalid in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)],
        (b"\x03", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_an_invalid_close_frame_is_rejected(payload: bytes, code: int) -> None:
    with pytest.raises(WebSocketProtocolError) as raised:
        parse_close_code(payload)

    assert raised.value.code == code
