"""The description of an upload's body: header or field, and what it may not be."""

from __future__ import annotations

from base64 import b64encode

import pytest

from monynha.domains.storage.errors import InvalidRequestError
from monynha.domains.storage.http.upload_body import FormBody, RawBody, parse_metadata_header, upload_body
from tests.domains.storage.http.test_responses import request_to


def test_form_is_recognised_by_its_content_type() -> None:
    raw, form = request_to("/"), request_to("/")
    form.scope["headers"] = [(b"content-type", b"Multipart/Form-Data; boundary=x")]

    assert isinstance(upload_body(raw), RawBody)
    assert isinstance(upload_body(form), FormBody)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, None)),
        ({"cacheControl": "60", "contentType": "a/b", "metadata": '{"x": 1}'}, ("max-age=60", "a/b", {"x": 1})),
        ({"cacheControl": "no-store"}, ("no-store", None, None)),
    ],
)
def test_fields_describe_the_file(
    fields: dict[str, str], expected: tuple[str | None, str | None, dict[str, object] | None]
) -> None:
    body = FormBody(request_to("/"), fields=fields)

    assert (body.cache_control, body.content_type, body.user_metadata) == expected


def test_type_of_the_part_counts_unless_a_field_says_otherwise() -> None:
    body = FormBody(request_to("/"), file_type="image/png")

    assert body.content_type == "image/png"
    body.fields["contentType"] = "image/webp"
    assert body.content_type == "image/webp"


def test_metadata_is_an_object_in_base64() -> None:
    assert parse_metadata_header(None) is None
    assert parse_metadata_header(b64encode(b'{"a": 1}').decode()) == {"a": 1}
    for header in ("{}", b64encode(b"1").decode(), b64encode(b"{").decode()):
        with pytest.raises(InvalidRequestError):
            parse_metadata_header(header)
