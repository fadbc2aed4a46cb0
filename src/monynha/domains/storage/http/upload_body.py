"""The three forms of an upload's body: raw, and a form whose fields come before or after the file."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import orjson

from monynha.domains.storage.errors import InvalidRequestError
from monynha.domains.storage.names import MAX_METADATA_BYTES, check_cache_control, check_content_type
from monynha.protocols.http.multipart import MultipartReader
from monynha.protocols.http.request import Request

_FIELDS = frozenset({"cacheControl", "contentType", "metadata"})


@dataclass(slots=True)
class RawBody:
    """A body that is the object; the headers tell the rest."""

    request: Request
    is_size_exact: bool = True

    @property
    def declared_size(self) -> int | None:
        """The size of the object."""
        return self.request.declared_size

    @property
    def content_type(self) -> str | None:
        """The media type by the header."""
        header = self.request.header(b"content-type")
        return check_content_type(header) if header else None

    @property
    def cache_control(self) -> str | None:
        """The header as it is."""
        header = self.request.header(b"cache-control")
        return check_cache_control(header) if header else None

    @property
    def user_metadata(self) -> dict[str, object] | None:
        """The header `x-metadata`."""
        return parse_metadata_header(self.request.header(b"x-metadata"))

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body."""
        return self.request.stream()


@dataclass(slots=True)
class FormBody:
    """A form with one file and the fields `cacheControl`, `metadata` and `contentType`, before it or after it."""

    request: Request
    is_size_exact: bool = False
    fields: dict[str, str] = field(default_factory=dict)
    file_type: str | None = None

    @property
    def declared_size(self) -> int | None:
        """The size of the form."""
        return self.request.declared_size

    @property
    def content_type(self) -> str | None:
        """The media type by the field, or else by the head of the file's part."""
        content_type = self.fields.get("contentType") or self.file_type
        return check_content_type(content_type) if content_type else None

    @property
    def cache_control(self) -> str | None:
        """The number of seconds in the field as a header."""
        seconds = self.fields.get("cacheControl")
        if not seconds:
            return None
        return check_cache_control(f"max-age={seconds}" if seconds.isdecimal() else seconds)

    @property
    def user_metadata(self) -> dict[str, object] | None:
        """The JSON of the field."""
        text = self.fields.get("metadata")
        return parse_user_metadata(text.encode()) if text else None

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the file, and read the fields around it."""
        reader = MultipartReader(self.request.stream(), self.request.header(b"content-type") or "")
        has_file = False
        while (part := await reader.next_part()) is not None:
            if part.filename is None and part.name != "":
                if part.name in _FIELDS:
                    self.fields[part.name] = await reader.text()
            elif has_file:
                raise InvalidRequestError("The form must have one file")
            else:
                has_file, self.file_type = True, part.content_type
                async for chunk in reader.chunks():
                    yield chunk
        if not has_file:
            raise InvalidRequestError("The form has no file")


def upload_body(request: Request) -> RawBody | FormBody:
    """Return the body of an upload in the form that its content type says."""
    content_type = request.header(b"content-type") or ""
    return FormBody(request) if content_type.lower().startswith("multipart/form-data") else RawBody(request)


def parse_metadata_header(header: str | None) -> dict[str, object] | None:
    """Return the object of an `x-metadata` header, whose JSON is sent as base64; raise InvalidRequestError."""
    if not header:
        return None
    try:
        return parse_user_metadata(b64decode(header, validate=True))
    except ValueError:
        raise InvalidRequestError("x-metadata must be JSON encoded as base64") from None


def parse_user_metadata(text: bytes) -> dict[str, object]:
    """Return the object that clients keep with an object; raise InvalidRequestError."""
    if len(text) > MAX_METADATA_BYTES:
        raise InvalidRequestError(f"metadata must be at most {MAX_METADATA_BYTES} bytes")
    try:
        value = orjson.loads(text)
    except ValueError:
        raise InvalidRequestError("metadata must be JSON") from None
    # PostgreSQL's jsonb cannot contain NUL.
    if not isinstance(value, dict) or b"\\u0000" in text:
        raise InvalidRequestError("metadata must be a JSON object without NUL")
    return value
