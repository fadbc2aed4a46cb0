"""Forms that are read while they arrive: parts in their order, and hostile forms."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from monynha.core.errors import BadRequestError, PayloadTooLargeError
from monynha.protocols.http.multipart import FormPart, MultipartReader

pytestmark = pytest.mark.anyio

TYPE = "multipart/form-data; boundary=x"


def part(name: str, data: bytes, *, filename: str | None = None, content_type: str | None = None) -> bytes:
    """Return an encoded part."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"'
    head += "" if filename is None else f'; filename="{filename}"'
    head += "" if content_type is None else f"\r\nContent-Type: {content_type}"
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


END = b"--x--\r\n"


def reader_of(body: bytes, *, chunk_bytes: int = 1_000_000, content_type: str = TYPE) -> MultipartReader:
    """Return a reader of a body that arrives in chunks."""

    async def chunks() -> AsyncGenerator[bytes]:
        for start in range(0, len(body), chunk_bytes):
            yield body[start : start + chunk_bytes]

    return MultipartReader(chunks(), content_type)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1_000_000])
async def test_parts_are_read_in_their_order(chunk_bytes: int) -> None:
    data = b"--y\r\n-" * 100
    file_part = part("", data, filename="a.bin", content_type="image/png")
    body = part("before", b"1") + file_part + part("after", b"2") + END
    reader = reader_of(body, chunk_bytes=chunk_bytes)

    before = (await reader.next_part(), await reader.text())
    file = (await reader.next_part(), b"".join([chunk async for chunk in reader.chunks()]))
    after = (await reader.next_part(), await reader.text())

    assert before == (FormPart("before"), "1")
    assert file == (FormPart("", "a.bin", "image/png"), data)
    assert after == (FormPart("after"), "2")
    assert await reader.next_part() is None


async def test_part_that_is_not_read_is_skipped() -> None:
    reader = reader_of(part("a", b"x" * 100_000) + part("b", b"2") + END, chunk_bytes=1000)

    names = [await reader.next_part(), await reader.next_part()]

    assert names == [FormPart("a"), FormPart("b")]
    assert await reader.text() == "2"


async def test_form_that_ends_within_a_part_is_refused() -> None:
    reader = reader_of(part("file", b"x" * 100, filename="a")[:-20])
    await reader.next_part()

    with pytest.raises(BadRequestError, match="ends within a part"):
        await reader.text()


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 10_000_000 + END,
        b"\r\n" * 100_000 + b"-no boundary",
        b"--x\r\nno colon\r\n\r\n",
        b"--x\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"--x\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n",
        b"--x\r\nContent-Disposition: attachment\r\n\r\n1\r\n" + END,
        b"".join(part(str(number), b"") for number in range(101)) + END,
    ],
    ids=["preamble", "line breaks", "no colon", "many headers", "long header", "no field", "many parts"],
)
async def test_malformed_form_is_refused(body: bytes) -> None:
    reader = reader_of(body, chunk_bytes=65_536)

    async def read_all() -> None:
        while await reader.next_part() is not None:
            pass

    with pytest.raises(BadRequestError):
        await read_all()


@pytest.mark.parametrize("content_type", ["multipart/form-data", "text/plain; boundary=x", f"{TYPE}{'x' * 1000}"])
def test_content_type_must_be_that_of_a_form(content_type: str) -> None:
    with pytest.raises(BadRequestError):
        reader_of(b"", content_type=content_type)


@pytest.mark.parametrize(("data", "error"), [(b"x" * 1_000_001, PayloadTooLargeError), (b"\xff", BadRequestError)])
async def test_field_is_text_of_at_most_a_megabyte(data: bytes, error: type[Exception]) -> None:
    reader = reader_of(part("a", data) + END)
    await reader.next_part()

    with pytest.raises(error):
        await reader.text()
