"""A file in a form (RFC 7578), read while it arrives: the part `file`, and fields before or after it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field

from monynha.core.errors import UnsupportedMediaTypeError, ValidationFailedError
from monynha.domains.files.file_names import display_name
from monynha.domains.files.object_hook import NAME_KEY, TASK_KEY
from monynha.protocols.http.multipart import MultipartReader
from monynha.protocols.http.request import Request

FILE_PART = "file"
_FORM_TYPE = "multipart/form-data"


@dataclass(slots=True)
class FormUpload:
    """The file of a form (`storage.uploads.UploadSource`); `fields` are complete once the file has been read."""

    request: Request
    field_names: Collection[str] = ()
    is_size_exact: bool = False
    """Whether the declared size is the file's: it is that of the whole form."""
    name: str = ""
    content_type: str | None = None
    cache_control: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    _reader: MultipartReader | None = None

    @property
    def declared_size(self) -> int | None:
        """The size of the form."""
        return self.request.declared_size

    @property
    def user_metadata(self) -> dict[str, object]:
        """What is kept with the object: the name to display, and the task."""
        metadata: dict[str, object] = {NAME_KEY: self.name}
        if TASK_KEY in self.fields:
            metadata[TASK_KEY] = self.fields[TASK_KEY]
        return metadata

    async def open(self) -> None:
        """Read the form up to its file; raise UnsupportedMediaTypeError, ValidationFailedError, BadRequestError."""
        content_type = self.request.header(b"content-type") or ""
        if content_type.partition(";")[0].strip().lower() != _FORM_TYPE:
            raise UnsupportedMediaTypeError(f"Send the file as {_FORM_TYPE}.")
        self._reader = MultipartReader(self.request.stream(), content_type)
        await self._read_fields(self._reader, is_file_expected=True)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the file, then read the fields behind it."""
        if self._reader is None:
            await self.open()
        assert self._reader is not None
        async for chunk in self._reader.chunks():
            yield chunk
        await self._read_fields(self._reader, is_file_expected=False)

    async def _read_fields(self, reader: MultipartReader, *, is_file_expected: bool) -> None:
        """Read fields until the file, or the end of the form if there was one."""
        while (part := await reader.next_part()) is not None:
            if part.name == FILE_PART:
                if not is_file_expected:
                    raise ValidationFailedError(file="must be given once")
                if part.filename is None:
                    raise ValidationFailedError(file="must be a file with a name")
                self.name, self.content_type = display_name(part.filename), part.content_type
                return
            if part.name not in self.field_names:
                raise ValidationFailedError.from_field_errors({part.name[:100]: "is not a field of files"})
            if part.name in self.fields:
                raise ValidationFailedError.from_field_errors({part.name: "must be given once"})
            text = await reader.text()
            if "\x00" in text:
                # PostgreSQL's texts cannot contain it.
                raise ValidationFailedError.from_field_errors({part.name: "contains a NUL character"})
            self.fields[part.name] = text
        if is_file_expected:
            raise ValidationFailedError(file="is required")
