"""Secrets open with the same key and for the same row alone."""

from __future__ import annotations

from uuid import uuid4

from monynha.domains.auth.tokens.secret_box import SecretBox

SECRET = "a-secret-of-the-tests-that-is-long-enough"


def test_a_secret_opens_for_its_row() -> None:
    box, id = SecretBox(SECRET, b"test"), uuid4().bytes

    sealed = box.seal(b"plain", id)

    assert b"plain" not in sealed
    assert box.open(sealed, id) == b"plain"
    assert box.seal(b"plain", id) != sealed


def test_nothing_else_opens() -> None:
    box, id = SecretBox(SECRET, b"test"), uuid4().bytes
    sealed = box.seal(b"plain", id)

    assert box.open(sealed, uuid4().bytes) is None
    assert SecretBox(SECRET + "!", b"test").open(sealed, id) is None
    assert SecretBox(SECRET, b"another").open(sealed, id) is None
    assert box.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), id) is None
    assert box.open(b"\x02" + sealed[1:], id) is None
    assert [box.open(value, id) for value in (None, b"", b"\x01", b"\x01short")] == [None] * 4
