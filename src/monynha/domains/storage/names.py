"""Names of buckets and objects, media types and limits, as clients may choose them."""

from __future__ import annotations

import re

from monynha.domains.storage.errors import (
    InvalidBucketNameError,
    InvalidKeyError,
    InvalidMimeTypeError,
    InvalidRequestError,
)

DEFAULT_CACHE_CONTROL = "no-cache"
DEFAULT_CONTENT_TYPE = "application/octet-stream"
MAX_KEY_BYTES = 1024
MAX_METADATA_BYTES = 64 * 1024
_MAX_BUCKET_CHARACTERS = 100
_MAX_HEADER_CHARACTERS = 255

_KEY = re.compile(r"[A-Za-z0-9_/!.*'() &$=@;:+,?-]+")
_BUCKET = re.compile(r"[A-Za-z0-9_!.*'() &$=@;:+,?-]+")
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?", re.ASCII)
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)(gb|mb|kb|b)", re.IGNORECASE | re.ASCII)
_BYTES_BY_UNIT = {"b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000}
_MAX_SIZE = 2**53


def check_key(key: str) -> str:
    """Return the name of an object; raise InvalidKeyError if it has other letters than the wire allows."""
    if not _KEY.fullmatch(key) or len(key) > MAX_KEY_BYTES:
        raise InvalidKeyError(key)
    return key


def check_bucket_name(name: str) -> str:
    """Return the name of a bucket; raise InvalidBucketNameError."""
    if not _BUCKET.fullmatch(name) or len(name) > _MAX_BUCKET_CHARACTERS or name != name.strip():
        raise InvalidBucketNameError()
    return name


def check_content_type(text: str) -> str:
    """Return a media type with its parameters; raise InvalidMimeTypeError if it is none."""
    if not _MEDIA_TYPE.fullmatch(text) or len(text) > _MAX_HEADER_CHARACTERS:
        raise InvalidMimeTypeError(text)
    return text


def check_cache_control(text: str) -> str:
    """Return the value of a Cache-Control header; raise InvalidRequestError if it cannot be one."""
    if not _PRINTABLE.fullmatch(text) or len(text) > _MAX_HEADER_CHARACTERS:
        raise InvalidRequestError("cacheControl must be at most 255 printable characters")
    return text or DEFAULT_CACHE_CONTROL


def parse_size_limit(value: object) -> int | None:
    """Return a size limit in bytes, of a number or a text as "20MB" (decimal units), None for null.

    Raises InvalidRequestError.
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_SIZE:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 16:
        return int(value)
    if match is None:
        raise InvalidRequestError("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B")
    return int(float(match[1]) * _BYTES_BY_UNIT[match[2].lower()])


def parse_mime_types(value: object) -> list[str] | None:
    """Return the media types that a bucket allows, None for all; raise InvalidMimeTypeError, InvalidRequestError."""
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(value) > 100:
        raise InvalidRequestError("allowed_mime_types must be a list of at most 100 media types")
    for item in value:
        if item not in ("*", "*/*") and not re.fullmatch(r"[\w!#$&^.+-]+/([\w!#$&^.+-]+|\*)", item, re.ASCII):
            raise InvalidMimeTypeError(item)
    return [item.lower() for item in value if item]
