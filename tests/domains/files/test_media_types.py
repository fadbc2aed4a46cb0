"""The type of a file comes from its content."""

from __future__ import annotations

import pytest

from monynha.core.errors import UnsupportedMediaTypeError
from monynha.domains.files.media_types import MediaTypeRules, is_shown_inline, sniff_media_type
from tests.infra.images.samples import png

ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + b"\x00" * 40


@pytest.mark.parametrize(
    ("declared", "head", "expected"),
    [
        ("text/plain", png(4, 4), "image/png"),
        ("image/png", b"<html><script>alert(1)</script>", "text/html"),
        ("image/jpeg", b"  \n<!DOCTYPE HTML><p>x", "text/html"),
        ("text/plain", b"hello <script>alert(1)</script>", "text/html"),
        ("image/png", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "image/svg+xml"),
        ("text/plain", b'<s:svg xmlns:s="http://www.w3.org/2000/svg">', "image/svg+xml"),
        ("text/plain", b'\xef\xbb\xbf<?xml version="1.0"?><a/>', "application/xml"),
        ("text/html", b"just words", "text/plain"),
        ("application/javascript", b"alert(1)", "text/plain"),
        ("text/csv; charset=utf-8", b"a,b\n1,2\n", "text/csv"),
        ("application/json", b'{"a": 1}', "application/json"),
        ("image/png", b"\x00\x01\x02\x03", "application/octet-stream"),
        ("text/plain", b"caf\xe9 au lait", "application/octet-stream"),
        ("text/plain", "café".encode()[:-1], "text/plain"),
        ("", b"", "text/plain"),
        ("application/pdf", b"%PDF-1.7\n", "application/pdf"),
        ("image/png", b"MZ\x90\x00" + b"\x00" * 60, "application/x-msdownload"),
        ("text/plain", b"\x7fELF\x02\x01\x01" + b"\x00" * 60, "application/x-executable"),
        ("text/plain", ZIP, "application/zip"),
    ],
)
def test_the_content_decides_and_not_what_the_client_declares(declared: str, head: bytes, expected: str) -> None:
    assert sniff_media_type(declared, head) == expected


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "image/svg+xml", "application/xml", "application/pdf", "application/octet-stream", "text/csv"],
)
def test_what_could_run_or_is_not_known_is_downloaded(content_type: str) -> None:
    assert not is_shown_inline(content_type)


@pytest.mark.parametrize(
    ("allowed", "denied", "content_type", "is_accepted"),
    [
        (("*",), (), "application/zip", True),
        (("image/*",), (), "image/png", True),
        (("image/*",), (), "text/plain", False),
        (("*",), ("application/zip",), "application/zip", False),
        (("image/*",), ("image/svg+xml",), "image/svg+xml", False),
        (("text/plain",), (), "text/html", False),
    ],
)
def test_a_type_is_accepted_if_it_is_allowed_and_not_denied(
    allowed: tuple[str, ...], denied: tuple[str, ...], content_type: str, is_accepted: bool
) -> None:
    rules = MediaTypeRules(allowed, denied)

    if is_accepted:
        rules.check(content_type)
        return
    with pytest.raises(UnsupportedMediaTypeError) as refusal:
        rules.check(content_type)
    assert refusal.value.details == {"file": "has a type that is not accepted"}
