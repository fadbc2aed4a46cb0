"""A form with a file is read while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from monynha.core.errors import UnsupportedMediaTypeError, ValidationFailedError
from monynha.domains.files.http.form_upload import FormUpload
from monynha.protocols.http.request import Request

pytestmark = pytest.mark.anyio


def _receiver(chunks: list[bytes]) -> Callable[[], Awaitable[Any]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    return receive


def _form(*chunks: bytes, content_type: str = "multipart/form-data; boundary=b") -> FormUpload:
    scope: Any = {
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", content_type.encode())],
    }
    return FormUpload(Request(scope, _receiver([*chunks]), client_ip=""), field_names=("taskId",))


HEAD = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a/b.txt"\r\ncontent-type: text/csv\r\n\r\n'


async def test_the_name_is_there_before_the_body_and_the_fields_after_it() -> None:
    body = HEAD + b"text\r\n" + b'--b\r\ncontent-disposition: form-data; name="taskId"\r\n\r\n7\r\n--b--\r\n'
    form = _form(*(body[index : index + 1] for index in range(len(body))))

    await form.open()
    before = (form.name, form.content_type, form.user_metadata)
    content = b"".join([chunk async for chunk in form.chunks()])

    assert before == ("b.txt", "text/csv", {"name": "b.txt"})
    assert (content, form.user_metadata) == (b"text", {"name": "b.txt", "taskId": "7"})


async def test_another_media_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        await _form(b"", content_type="application/json").open()


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (b"--b--\r\n", {"file": "is required"}),
        (
            b'--b\r\ncontent-disposition: form-data; name="taskId"\r\n\r\n1\r\n' * 2 + b"--b--\r\n",
            {"taskId": "must be given once"},
        ),
        (
            b'--b\r\ncontent-disposition: form-data; name="taskId"\r\n\r\n\x00\r\n--b--\r\n',
            {"taskId": "contains a NUL character"},
        ),
        (
            b'--b\r\ncontent-disposition: form-data; name="x"; filename="y"\r\n\r\n1\r\n--b--\r\n',
            {"x": "is not a field of files"},
        ),
    ],
)
async def test_a_form_without_a_file_or_with_other_fields_is_refused(body: bytes, details: dict[str, str]) -> None:
    with pytest.raises(ValidationFailedError) as refusal:
        await _form(body).open()

    assert refusal.value.details == details
