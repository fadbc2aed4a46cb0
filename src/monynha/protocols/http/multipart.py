"""Multipart forms that are read while they arrive (RFC 7578): part by part, a file in chunks."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from monynha.core.errors import BadRequestError, PayloadTooLargeError

_MAX_PARTS = 100
_MAX_FIELD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class FormPart:
    """The head of a part: the field's name, and of a file its name and declared media type."""

    name: str
    filename: str | None = None
    content_type: str | None = None


@dataclass(slots=True)
class _Events:
    """What the parser has met and the reader has not taken yet."""

    queue: deque[FormPart | bytes | None] = field(default_factory=deque)
    """The head of a part, its data, and None at its end."""
    header_name: bytes = b""
    header_value: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    part_count: int = 0

    def on_part_begin(self) -> None:
        self.part_count += 1
        if self.part_count > _MAX_PARTS:
            raise BadRequestError(f"The form has more than {_MAX_PARTS} parts.")
        self.headers = {}

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.queue.append(data[start:end])

    def on_part_end(self) -> None:
        self.queue.append(None)

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def on_header_end(self) -> None:
        self.headers[self.header_name.lower()] = self.header_value
        self.header_name = self.header_value = b""

    def on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        if disposition != b"form-data":
            raise BadRequestError("A part of the form is not a field of it.")
        filename, content_type = options.get(b"filename"), self.headers.get(b"content-type")
        self.queue.append(
            FormPart(
                options.get(b"name", b"").decode("utf-8", "replace"),
                None if filename is None else filename.decode("utf-8", "replace"),
                None if content_type is None else content_type.decode("latin-1").strip(),
            )
        )


class MultipartReader:
    """Reads the parts of a form in their order; each is read, or skipped, before the next."""

    def __init__(self, chunks: AsyncIterator[bytes], content_type: str) -> None:
        """Raise BadRequestError if the content type is not that of a form with a boundary."""
        media_type, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if media_type != b"multipart/form-data" or not boundary:
            raise BadRequestError("Content-Type must be multipart/form-data with a boundary.")
        self._chunks = chunks
        self._events = _Events()
        self._is_part_open = False
        callbacks = {name: getattr(self._events, name) for name in dir(self._events) if name.startswith("on_")}
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # keyed by callback names
        except FormParserError:
            raise BadRequestError("The boundary of the form is too long.") from None

    async def next_part(self) -> FormPart | None:
        """Skip what is left of the current part, and return the next; None at the end of the form."""
        while (event := await self._next_event()) is not _END:
            if isinstance(event, FormPart):
                self._is_part_open = True
                return event
        return None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the data of the current part."""
        while self._is_part_open:
            event = await self._next_event()
            if isinstance(event, bytes):
                yield event
            else:
                self._is_part_open = False
                if event is _END:
                    raise BadRequestError("The form ends within a part.")

    async def text(self) -> str:
        """Return the data of the current part as text; raise PayloadTooLargeError above 1 MB."""
        data = bytearray()
        async for chunk in self.chunks():
            data += chunk
            if len(data) > _MAX_FIELD_BYTES:
                raise PayloadTooLargeError("A field of the form is too large.")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise BadRequestError("A field of the form is not valid UTF-8.") from None

    async def _next_event(self) -> FormPart | bytes | object | None:
        """Return the next event, parsing as much as it takes; `_END` at the end of the body."""
        while not self._events.queue:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                return _END
            try:
                self._parser.write(chunk)
            except FormParserError:
                raise BadRequestError("The body is not a valid multipart form.") from None
        return self._events.queue.popleft()


_END = object()
