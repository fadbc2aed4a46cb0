"""Passwords: kept slowly, compared in equal time, never many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest

from monynha.core.errors import Unavailable
from monynha.domains.auth.faults import WeakPassword
from monynha.domains.auth.passwords import Passwords


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(strict=False, threads=1)
    yield made
    made.close()


async def test_a_hash_is_argon2id_with_the_chosen_cost_and_a_salt_of_its_own(passwords: Passwords) -> None:
    first, second = await passwords.hash("a password"), await passwords.hash("a password")

    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert (await passwords.check("a password", first)).is_right
    assert not (await passwords.check("another password", first)).is_right


async def test_a_right_password_with_a_good_hash_keeps_its_hash(passwords: Passwords) -> None:
    assert (await passwords.check("a password", await passwords.hash("a password"))).new_hash is None


@pytest.mark.parametrize("wrong", ["x" * 73, "é" * 40, "with\x00nul", ""])
async def test_what_bcrypt_cannot_take_is_a_wrong_password(passwords: Passwords, wrong: str) -> None:
    kept = bcrypt.hashpw(b"imported", bcrypt.gensalt(4)).decode()

    assert not (await passwords.check(wrong, kept)).is_right
    upgraded = (await passwords.check("imported", kept)).new_hash
    assert upgraded is not None
    assert upgraded.startswith("$argon2id$")


async def test_an_unknown_account_costs_one_comparison_as_a_known_one(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await passwords.hash("a password")
    await passwords.check("warm", None)
    hasher = passwords._hasher.hashers[0]
    compared: list[str] = []
    verify = type(hasher).verify

    def counted(self: Any, password: str, hash: str) -> bool:
        compared.append(hash.rpartition("$")[0].rpartition("$")[0])
        return verify(self, password, hash)

    monkeypatch.setattr(type(hasher), "verify", counted)
    await passwords.check("wrong", kept)
    await passwords.check("wrong", None)

    assert compared == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


async def test_a_flood_of_passwords_is_refused_before_it_fills_the_memory(passwords: Passwords) -> None:
    outcomes = await asyncio.gather(*(passwords.check("x", None) for _ in range(260)), return_exceptions=True)

    refused = [each for each in outcomes if isinstance(each, Unavailable)]
    assert len(refused) == 60
    assert (await passwords.check("x", None)).is_right is False


@pytest.mark.parametrize("password", ["12345678", "日本語日本語日本", "x" * 256])
async def test_8_to_256_characters_are_enough(passwords: Passwords, password: str) -> None:
    await passwords.judge(password)


@pytest.mark.parametrize("password", ["", "1234567", "日本語日本語日", "x" * 257])
async def test_fewer_or_more_are_not(passwords: Passwords, password: str) -> None:
    with pytest.raises(WeakPassword) as weak:
        await passwords.judge(password)

    assert weak.value.reasons == ("length",)
