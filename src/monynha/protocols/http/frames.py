"""WebSocket frames: bytes to messages and back (RFC 6455 §5)."""

from __future__ import annotations

from dataclasses import dataclass

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_CONTINUATION = 0x0
_KNOWN = frozenset({_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})


class BrokenFrame(Exception):
    """The peer breaks the protocol: the code with which the socket closes, and why."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, or a control frame."""

    kind: int
    data: bytes


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """Return a server's frame: whole and unmasked, so that one serves any number of sockets."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | kind, size)) + payload
    if size < 65536:
        return bytes((0x80 | kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | kind, 127)) + size.to_bytes(8, "big") + payload


def payload_of(made: bytes) -> bytes:
    """Return what stands in a frame that `frame` made."""
    size = made[1]
    return made[2 if size < 126 else 4 if size == 126 else 10 :]


def close_frame(code: int, reason: str) -> bytes:
    """Return the frame that says why a socket closes."""
    return frame(code.to_bytes(2, "big") + reason.encode()[:123], CLOSE)


class Frames:
    """Puts a client's frames together into messages of at most `limit_bytes`."""

    __slots__ = ("_buffer", "_kind", "_limit", "_parts", "_size")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._kind = 0

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete with these bytes; BrokenFrame where they are none."""
        self._buffer += data
        found: list[Message] = []
        while (read := self._frame()) is not None:
            is_last, kind, payload = read
            if kind >= CLOSE:
                found.append(Message(kind, payload))
            elif (message := self._joined(is_last, kind, payload)) is not None:
                found.append(message)
        return found

    def _frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        is_last, kind = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        size, start = buffer[1] & 0x7F, 2
        self._check(buffer[0], buffer[1], is_last=is_last, kind=kind, size=size)
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < 2 + width:
                return None
            size, start = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
        if size + self._size > self._limit:
            raise BrokenFrame(1009, f"a message is at most {self._limit} bytes")
        end = start + 4 + size
        if len(buffer) < end:
            return None
        payload = _unmasked(bytes(buffer[start + 4 : end]), bytes(buffer[start : start + 4]))
        del buffer[:end]
        return is_last, kind, payload

    def _check(self, first: int, second: int, *, is_last: bool, kind: int, size: int) -> None:
        if first & 0x70 or kind not in _KNOWN:
            raise BrokenFrame(1002, "an extension that was not agreed on")
        if not second & 0x80:
            raise BrokenFrame(1002, "a client's frames are masked")
        if kind >= CLOSE and (not is_last or size > 125):
            raise BrokenFrame(1002, "a control frame is short and whole")
        if kind < CLOSE and (kind == _CONTINUATION) != bool(self._kind):
            raise BrokenFrame(1002, "a continuation out of place")

    def _joined(self, is_last: bool, kind: int, payload: bytes) -> Message | None:
        self._kind = kind or self._kind
        if is_last and not self._parts:
            message = Message(self._kind, payload)
        else:
            self._parts.append(payload)
            self._size += len(payload)
            if len(self._parts) > 10_000:
                raise BrokenFrame(1008, "a message in too many frames")
            if not is_last:
                return None
            message = Message(self._kind, b"".join(self._parts))
        self._parts, self._size, self._kind = [], 0, 0
        return message


def _unmasked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    if not size:
        return b""
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")
