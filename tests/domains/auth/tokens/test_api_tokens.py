"""The text of API tokens: what was made is read, and nothing else."""

from __future__ import annotations

import zlib
from uuid import uuid4

import pytest

from monynha.domains.auth.tokens.api_tokens import ApiTokenCodec, NewApiToken

CODEC = ApiTokenCodec("a-secret-of-the-tests-that-is-long-enough")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def create(*scopes: str, is_resource_limited: bool = False, expires_at: int | None = None) -> NewApiToken:
    return CODEC.create(
        uuid4(), scopes or ("read",), is_resource_limited=is_resource_limited, aal="aal1", expires_at=expires_at
    )


def with_checksum(unchecked: str) -> str:
    number, checksum = zlib.crc32(unchecked.encode()), ""
    for _ in range(6):
        number, value = divmod(number, 62)
        checksum = ALPHABET[value] + checksum
    return unchecked + checksum


@pytest.mark.parametrize("scopes", [("read",), ("read", "write"), ("admin",)])
@pytest.mark.parametrize("aal", ["aal1", "aal2"])
@pytest.mark.parametrize("expires_at", [None, 2**32 - 1])
def test_a_token_says_what_it_was_made_for(scopes: tuple[str, ...], aal: str, expires_at: int | None) -> None:
    user_id = uuid4()
    new_token = CODEC.create(user_id, scopes, is_resource_limited=True, aal=aal, expires_at=expires_at)
    token = CODEC.decode(new_token.text)
    assert token == new_token.content
    assert (token.user_id, token.scopes, token.aal) == (user_id, frozenset(scopes), aal)
    assert token.expires_at == expires_at
    assert token.is_resource_limited


def test_the_checksum_is_one_that_scanners_can_compute() -> None:
    text = create().text
    assert with_checksum(text[:-6]) == text


def test_two_tokens_differ() -> None:
    assert len({create().text for _ in range(50)}) == 50


def test_every_changed_character_is_noticed() -> None:
    text = create().text
    for index in range(len(text)):
        changed = text[:index] + ("0" if text[index] != "0" else "1") + text[index + 1 :]
        assert CODEC.decode(changed) is None, index
        # With a checksum that fits, too: it is no secret.
        if index < len(text) - 6:
            assert CODEC.decode(with_checksum(changed[:-6])) is None, index


def test_a_token_of_another_secret_is_not_read() -> None:
    assert ApiTokenCodec("another-secret-of-the-tests-that-is-long").decode(create().text) is None


@pytest.mark.parametrize(
    "text", ["", "mnt_", "mnt_" + "z" * 81, "mnt_12345678_" + "z" * 72, "mnt_12345678_" + "é" * 72]
)
def test_other_texts_are_not_read(text: str) -> None:
    assert CODEC.decode(text) is None
    assert CODEC.decode(with_checksum(text[:-6])) is None
