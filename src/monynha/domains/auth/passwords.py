"""Passwords: how they are kept, compared and judged."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from monynha.core.errors import Unavailable
from monynha.domains.auth.faults import WeakPassword

SHORTEST = 8
LONGEST = 256
_WAITING = 200
_GUESSABLE = 2
"""The least zxcvbn score that is enough: 10^6 guesses and more."""
_ZXCVBN_LIMIT = 72

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a password was right, and the hash to keep from now on where the old one is outdated."""

    is_right: bool
    new_hash: str | None = None


class Passwords:
    """Hashes and compares in a few threads of its own: each hash takes 19 MiB and a core."""

    def __init__(self, *, strict: bool, threads: int | None = None) -> None:
        self._strict = strict
        count = threads or max(2, os.cpu_count() or 2)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="passwords")
        self._waiting = 0
        self._hasher = PasswordHash(
            (Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1), BcryptHasher())
        )
        self._nobodys: str | None = None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return what to keep of a password."""
        return await self._aside(lambda: self._hasher.hash(password))

    async def check(self, password: str, kept: str | None) -> Checked:
        """Compare a password with what was kept; with nothing kept it takes as long, and is wrong."""
        if len(password) > LONGEST:
            password = ""
        return await self._aside(lambda: self._check(password, kept))

    async def judge(self, password: str, *about: str) -> None:
        """Raise WeakPassword for one that is too short, too long or, in production, too easy to guess."""
        if len(password) < SHORTEST:
            raise WeakPassword(f"must have at least {SHORTEST} characters", "length")
        if len(password) > LONGEST:
            raise WeakPassword(f"must have at most {LONGEST} characters", "length")
        if self._strict and await self._aside(lambda: _score(password, about)) < _GUESSABLE:
            raise WeakPassword("is too easy to guess", "characters")

    def is_kept_form(self, text: str) -> bool:
        """Whether a text is a hash that we can compare with (Argon2 or bcrypt)."""
        return len(text) <= 512 and any(hasher.identify(text) for hasher in self._hasher.hashers)

    def _check(self, password: str, kept: str | None) -> Checked:
        if kept is None:
            self._nobodys = self._nobodys or self._hasher.hash("nobody's")
            self._hasher.verify(password, self._nobodys)
            return Checked(False)
        try:
            return Checked(*self._hasher.verify_and_update(password, kept))
        except ValueError:
            # bcrypt raises on a NUL and on more than 72 bytes, which no hash of its own can have had.
            return Checked(False)

    async def _aside(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise Unavailable()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _score(password: str, about: tuple[str, ...]) -> int:
    # Imported where used: its word lists take a tenth of a second and 20 MB.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it ships no types

    told = [
        word for text in about for word in (text.replace(" ", ""), *text.replace("@", " ").split()) if word
    ]
    return int(zxcvbn(password[:_ZXCVBN_LIMIT], user_inputs=told)["score"])
