"""WebSocket frames: decode bytes into messages and encode messages into frames (RFC 6455 §5)."""

from __future__ import annotations

from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
"""Those of the protocol that a close frame may contain (IANA registry); above 3000 they are the applications'."""
_MAX_FRAGMENTS = 10_000


class WebSocketProtocolError(Exception):
    """The peer violates the protocol; the connection closes with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class WebSocketMessage:
    """A complete message, a control frame, or CONTINUATION for a fragment of a message that is not complete yet."""

    opcode: int
    payload: bytes


def encode_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return an unfragmented, unmasked server frame, which may be sent on any number of connections."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def frame_payload(frame: bytes) -> bytes:
    """Return the payload of a frame that `encode_frame` returned."""
    size = frame[1]
    return frame[2 if size < 126 else 4 if size == 126 else 10 :]


def encode_close_frame(code: int, reason: str) -> bytes:
    """Return a close frame; the reason is truncated to the 123 bytes that a control frame has room for."""
    return encode_frame(code.to_bytes(2, "big") + reason.encode()[:123], CLOSE)


def parse_close_code(payload: bytes) -> int:
    """Return the code of a close frame, 1000 for an empty one; raise WebSocketProtocolError if it is invalid."""
    if not payload:
        return 1000
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _CLOSE_CODES or 3000 <= code < 5000):
        raise WebSocketProtocolError(1002, "invalid close code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise WebSocketProtocolError(1007, "the reason of a close frame must be UTF-8") from None
    return code


class FrameParser:
    """Decodes and reassembles a client's frames into messages of at most `limit_bytes`.

    `policy_limit_bytes` is lower for a client that may not send such messages yet.
    """

    __slots__ = ("_buffer", "_fragments", "_fragments_bytes", "_limit_bytes", "_opcode", "policy_limit_bytes")

    def __init__(self, limit_bytes: int, policy_limit_bytes: int | None = None) -> None:
        self._limit_bytes = limit_bytes
        self.policy_limit_bytes = policy_limit_bytes or limit_bytes
        self._buffer = bytearray()
        self._fragments: list[bytes] = []
        self._fragments_bytes = 0
        self._opcode = 0

    @property
    def buffered_bytes(self) -> int:
        """How many bytes wait to be parsed."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Buffer what was received."""
        self._buffer += data

    def parse_next(self) -> WebSocketMessage | None:
        """Parse one frame, and return what it completes; None without a whole frame.

        Raise WebSocketProtocolError if the bytes are invalid; the parser must not be used afterwards.
        """
        frame = self._next_frame()
        if frame is None:
            return None
        is_final, opcode, payload = frame
        if opcode >= CLOSE:
            return WebSocketMessage(opcode, payload)
        return self._assemble(is_final, opcode, payload)

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        is_final, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        size, start = buffer[1] & 0x7F, 2
        self._check_header(buffer[0], buffer[1], is_final=is_final, opcode=opcode, size=size)
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < 2 + width:
                return None
            size, start = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
        if opcode < CLOSE:
            self._check_message_size(size + self._fragments_bytes)
        end = start + 4 + size
        if len(buffer) < end:
            return None
        payload = _unmask(bytes(buffer[start + 4 : end]), bytes(buffer[start : start + 4]))
        del buffer[:end]
        return is_final, opcode, payload

    def _check_message_size(self, size: int) -> None:
        if size > self._limit_bytes:
            raise WebSocketProtocolError(1009, f"message exceeds {self._limit_bytes} bytes")
        if size > self.policy_limit_bytes:
            raise WebSocketProtocolError(
                1008, f"message exceeds the {self.policy_limit_bytes} bytes that are allowed before authentication"
            )

    def _check_header(self, first_byte: int, second_byte: int, *, is_final: bool, opcode: int, size: int) -> None:
        if first_byte & 0x70 or opcode not in _OPCODES:
            raise WebSocketProtocolError(1002, "reserved bit or opcode without a negotiated extension")
        if not second_byte & 0x80:
            raise WebSocketProtocolError(1002, "client frames must be masked")
        if opcode >= CLOSE and (not is_final or size > 125):
            raise WebSocketProtocolError(1002, "control frames must be short and unfragmented")
        if opcode < CLOSE and (opcode == CONTINUATION) != bool(self._opcode):
            raise WebSocketProtocolError(1002, "unexpected continuation frame")

    def _assemble(self, is_final: bool, opcode: int, payload: bytes) -> WebSocketMessage:
        self._opcode = opcode or self._opcode
        if is_final and not self._fragments:
            message = WebSocketMessage(self._opcode, payload)
        else:
            self._fragments.append(payload)
            self._fragments_bytes += len(payload)
            if len(self._fragments) > _MAX_FRAGMENTS:
                raise WebSocketProtocolError(1008, "message has too many fragments")
            if not is_final:
                return WebSocketMessage(CONTINUATION, b"")
            message = WebSocketMessage(self._opcode, b"".join(self._fragments))
        self._fragments, self._fragments_bytes, self._opcode = [], 0, 0
        return message


def _unmask(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    if not size:
        return b""
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")
