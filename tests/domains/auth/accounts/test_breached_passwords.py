"""Breached passwords: found in a sorted file on disk, wherever they stand in it."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.domains.auth.accounts.breached_passwords import BreachedPasswords
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.errors import WeakPasswordError

pytestmark = pytest.mark.anyio


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def write(path: Path, lines: list[str], *, line_break: str = "\r\n", ends_with_break: bool = True) -> Path:
    path.write_text(line_break.join(lines) + (line_break if ends_with_break else ""), newline="")
    return path


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("ends_with_break", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3, 50, 1000])
def test_every_password_of_the_file_is_found_and_no_other(
    tmp_path: Path, count: int, ends_with_break: bool, line_break: str
) -> None:
    dice = random.Random(count)
    passwords = [f"password {number}" for number in range(count)]
    lines = sorted(f"{sha1(password)}:{dice.choice((1, 22, 333, 44_444_444))}" for password in passwords)
    path = write(tmp_path / "hashes", lines, line_break=line_break, ends_with_break=ends_with_break)
    breached = BreachedPasswords.open(path, "A_SETTING")

    assert [password for password in passwords if password not in breached] == []
    assert [number for number in range(2_000) if f"other {number}" in breached] == []


@pytest.mark.parametrize("transform", [str.lower, lambda line: line.partition(":")[0]])
def test_lower_case_and_missing_counts_are_accepted(tmp_path: Path, transform: object) -> None:
    assert callable(transform)
    lines = sorted(transform(f"{sha1(f'p{number}')}:1") for number in range(100))
    breached = BreachedPasswords.open(write(tmp_path / "hashes", lines), "A_SETTING")

    assert all(f"p{number}" in breached for number in range(100))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "must have lines of a SHA-1 hash"),
        (["hunter2"], "must have lines of a SHA-1 hash"),
        (["8846F7EAEE8FB117AD06BDD830B7586C:1"], "must have lines of a SHA-1 hash"),
        ([f"{sha1('a')}:1", "", f"{sha1('a')}:1"], "must have lines of a SHA-1 hash"),
        ([f"{number:040X}:1" for number in reversed(range(200))], "must be ordered by hash"),
    ],
)
def test_another_file_stops_the_start(tmp_path: Path, lines: list[str], problem: str) -> None:
    path = write(tmp_path / "hashes", lines, ends_with_break=bool(lines))

    with pytest.raises(SettingsError, match=f"^A_SETTING: .*{problem}"):
        BreachedPasswords.open(path, "A_SETTING")


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^A_SETTING: .* cannot be read: No such file"):
        BreachedPasswords.open(tmp_path / "none", "A_SETTING")
    with pytest.raises(SettingsError, match=r"^A_SETTING: .* cannot be read: Is a directory"):
        BreachedPasswords.open(tmp_path, "A_SETTING")


def test_a_large_file_is_searched_and_not_read(tmp_path: Path) -> None:
    path, line = tmp_path / "hashes", b"%040X:1\n"
    with path.open("wb") as file:
        file.write(b"".join(line % number for number in range(200_000)))
    breached = BreachedPasswords.open(path, "A_SETTING")
    started_at = time.perf_counter()
    for number in range(200):
        _ = f"nowhere {number}" in breached

    assert (time.perf_counter() - started_at) / 200 < 0.01


async def test_a_breached_password_is_refused_with_its_own_reason_even_in_development(tmp_path: Path) -> None:
    path = write(tmp_path / "hashes", sorted(f"{sha1(word)}:7" for word in ("a breached password", "x" * 20)))
    passwords = PasswordHasher(strict=False, breached=BreachedPasswords.open(path, "A_SETTING"), threads=1)

    with pytest.raises(WeakPasswordError) as caught:
        await passwords.validate("a breached password")
    await passwords.validate("a password of my own")
    passwords.close()

    assert caught.value.reasons == ("pwned",)


@pytest.mark.parametrize(
    "password", ["password", "Password1", "12345678", "qwertyuiop", "iloveyou", "letmein1", "P@ssw0rd"]
)
async def test_common_passwords_are_refused_in_production(password: str) -> None:
    passwords = PasswordHasher(strict=True, threads=1)

    with pytest.raises(WeakPasswordError) as caught:
        await passwords.validate(password)
    passwords.close()

    assert caught.value.reasons == ("characters",)
