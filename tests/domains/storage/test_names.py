"""What clients may name: keys, buckets, media types, limits."""

from __future__ import annotations

import pytest

from monynha.domains.storage.errors import StorageError
from monynha.domains.storage.names import (
    check_bucket_name,
    check_cache_control,
    check_content_type,
    check_key,
    parse_mime_types,
    parse_size_limit,
)


@pytest.mark.parametrize("key", ["a", "a/b c/!-_.*'()&$@=;:+,?", "../a", "a///b", "x" * 1024])
def test_key_has_the_letters_of_the_wire(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "a\r\nb", "a\x00", "\u202egnp.exe", "ä", "a\\b", "a%2f", "a<b>", "x" * 1025])
def test_other_keys_are_refused_and_printed_without_what_is_not_printable(key: str) -> None:
    with pytest.raises(StorageError) as error:
        check_key(key)

    assert error.value.code == "InvalidKey"
    assert error.value.message.isprintable()


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "a\n", "ä", "x" * 101])
def test_bucket_name_is_refused(name: str) -> None:
    with pytest.raises(StorageError) as error:
        check_bucket_name(name)

    assert error.value.message == "Bucket name invalid"


@pytest.mark.parametrize("name", ["a", "a b", "A.b-c_d", "x" * 100])
def test_bucket_name_is_accepted(name: str) -> None:
    assert check_bucket_name(name) == name


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, None),
        (0, 0),
        (1000, 1000),
        ("20MB", 20_000_000),
        ("1.5kb", 1500),
        ("3B", 3),
        ("2gb", 2 * 10**9),
        ("7", 7),
    ],
)
def test_size_limit_is_a_number_or_a_text_with_a_unit(value: object, size: int | None) -> None:
    assert parse_size_limit(value) == size


@pytest.mark.parametrize("value", ["", "20 MB", "MB", -1, True, 1.5, [], "1tb", "9" * 100 + "gb", 2**60])
def test_other_size_limits_are_refused(value: object) -> None:
    with pytest.raises(StorageError):
        parse_size_limit(value)


def test_media_types_are_types_or_patterns() -> None:
    assert parse_mime_types(["image/*", "TEXT/plain", "*/*"]) == ["image/*", "text/plain", "*/*"]
    assert parse_mime_types(None) is None
    for value in (["image"], ["*/png"], "image/png", [1], ["a/b"] * 101):
        with pytest.raises(StorageError):
            parse_mime_types(value)


@pytest.mark.parametrize("text", ["text/html\r\nset-cookie: a=b", "text", "a/b; c=\x00", "x/" + "y" * 300, "ä/b"])
def test_content_type_cannot_add_a_header(text: str) -> None:
    with pytest.raises(StorageError) as error:
        check_content_type(text)

    assert error.value.code == "InvalidMimeType"
    assert error.value.message.isprintable()


def test_content_type_may_have_parameters() -> None:
    assert check_content_type("text/plain;charset=UTF-8") == "text/plain;charset=UTF-8"


def test_cache_control_cannot_add_a_header() -> None:
    assert [check_cache_control("max-age=60"), check_cache_control("")] == ["max-age=60", "no-cache"]
    for text in ("a\r\nb: c", "x" * 256):
        with pytest.raises(StorageError):
            check_cache_control(text)
