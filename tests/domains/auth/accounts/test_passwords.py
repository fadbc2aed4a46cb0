"""Passwords: slow hashes, comparisons of equal duration, and never too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest

from monynha.core.errors import (
    UnavailableError,
)
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.errors import WeakPasswordError


@pytest.fixture
def passwords() -> Iterator[PasswordHasher]:
    hasher = PasswordHasher(strict=False, threads=1)
    yield hasher
    hasher.close()


async def test_a_hash_is_argon2id_with_the_chosen_cost_and_its_own_salt(
    passwords: PasswordHasher,
) -> None:
    first, second = await passwords.hash("a password"), await passwords.hash("a password")

    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert (await passwords.verify("a password", first)).is_correct
    assert not (await passwords.verify("another password", first)).is_correct


async def test_a_current_hash_is_not_replaced(passwords: PasswordHasher) -> None:
    assert (await passwords.verify("a password", await passwords.hash("a password"))).new_hash is None


@pytest.mark.parametrize("wrong", ["x" * 73, "é" * 40, "with\x00nul", ""])
async def test_a_password_that_bcrypt_cannot_hash_is_wrong(passwords: PasswordHasher, wrong: str) -> None:
    stored_hash = bcrypt.hashpw(b"imported", bcrypt.gensalt(4)).decode()

    assert not (await passwords.verify(wrong, stored_hash)).is_correct
    upgraded = (await passwords.verify("imported", stored_hash)).new_hash
    assert upgraded is not None
    assert upgraded.startswith("$argon2id$")


async def test_an_unknown_account_costs_one_comparison_as_a_registered_one(
    passwords: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_hash = await passwords.hash("a password")
    await passwords.verify("warm", None)
    hasher = passwords._hasher.hashers[0]
    compared: list[str] = []
    verify = type(hasher).verify

    def recording_verify(self: Any, password: str, hash: str) -> bool:
        compared.append(hash.rpartition("$")[0].rpartition("$")[0])
        return verify(self, password, hash)

    monkeypatch.setattr(type(hasher), "verify", recording_verify)
    await passwords.verify("wrong", stored_hash)
    await passwords.verify("wrong", None)

    assert compared == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


async def test_too_many_pending_passwords_are_refused(passwords: PasswordHasher) -> None:
    outcomes = await asyncio.gather(*(passwords.verify("x", None) for _ in range(260)), return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, UnavailableError)]
    assert len(refused) == 60
    assert (await passwords.verify("x", None)).is_correct is False


@pytest.mark.parametrize("password", ["12345678", "日本語日本語日本", "x" * 256])
async def test_8_to_256_characters_are_valid(passwords: PasswordHasher, password: str) -> None:
    await passwords.validate(password)


@pytest.mark.parametrize("password", ["", "1234567", "日本語日本語日", "x" * 257])
async def test_fewer_or_more_characters_are_invalid(passwords: PasswordHasher, password: str) -> None:
    with pytest.raises(WeakPasswordError) as weak:
        await passwords.validate(password)

    assert weak.value.reasons == ("length",)
