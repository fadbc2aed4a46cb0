"""Password hasher: hashes, verifies and validates passwords."""

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

from monynha.core.errors import UnavailableError
from monynha.domains.auth.accounts.breached_passwords import BreachedPasswords
from monynha.domains.auth.errors import WeakPasswordError

DEFAULT_MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 256
_MAX_HASH_LENGTH = 512
_MAX_PENDING = 200
_MIN_SCORE = 2
"""The lowest zxcvbn score that is accepted: at least 10^6 guesses, so none of its 30,000 most common passwords."""
_ZXCVBN_MAX_LENGTH = 72

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Whether a password is correct, and the hash to store from now on where the stored one is outdated."""

    is_correct: bool
    new_hash: str | None = None


class PasswordHasher:
    """Hashes with Argon2id in a few threads of its own: each hash takes 19 MiB and a core.

    Every method that hashes raises UnavailableError while too many passwords are pending.
    """

    def __init__(
        self,
        *,
        strict: bool,
        min_length: int = DEFAULT_MIN_PASSWORD_LENGTH,
        breached: BreachedPasswords | None = None,
        threads: int | None = None,
    ) -> None:
        self._strict = strict
        self._min_length = min_length
        self._breached = breached
        thread_count = threads or max(2, os.cpu_count() or 2)
        self._threads = ThreadPoolExecutor(thread_count, thread_name_prefix="passwords")
        self._pending = 0
        self._hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1), BcryptHasher()))
        self._dummy_hash: str | None = None

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=self._breached is not None, cancel_futures=True)
        if self._breached is not None:
            self._breached.close()

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return await self._run_in_thread(lambda: self._hasher.hash(password))

    async def verify(self, password: str, stored_hash: str | None) -> PasswordCheck:
        """Compare a password with a stored hash; None takes as long, and is never correct."""
        if len(password) > MAX_PASSWORD_LENGTH:
            password = ""
        return await self._run_in_thread(lambda: self._verify(password, stored_hash))

    async def validate(self, password: str, *user_inputs: str) -> None:
        """Raise WeakPasswordError for a password that is too short, too long, or known from a breach.

        In production also for one that is common or easy to guess, considering `user_inputs`: texts about the user.
        """
        if len(password) < self._min_length:
            raise WeakPasswordError(f"must be at least {self._min_length} characters", "length")
        if len(password) > MAX_PASSWORD_LENGTH:
            raise WeakPasswordError(f"must be at most {MAX_PASSWORD_LENGTH} characters", "length")
        breached = self._breached
        if breached is not None and await self._run_in_thread(lambda: password in breached):
            raise WeakPasswordError("was found in a data breach, please choose another one", "pwned")
        if self._strict and await self._run_in_thread(lambda: _score(password, user_inputs)) < _MIN_SCORE:
            raise WeakPasswordError("is too easy to guess", "characters")

    def is_supported_hash(self, text: str) -> bool:
        """Whether a text is a hash that `verify` supports (Argon2 or bcrypt)."""
        return len(text) <= _MAX_HASH_LENGTH and any(hasher.identify(text) for hasher in self._hasher.hashers)

    def _verify(self, password: str, stored_hash: str | None) -> PasswordCheck:
        if stored_hash is None:
            self._dummy_hash = self._dummy_hash or self._hasher.hash("of no account")
            self._hasher.verify(password, self._dummy_hash)
            return PasswordCheck(False)
        try:
            return PasswordCheck(*self._hasher.verify_and_update(password, stored_hash))
        except ValueError:
            # bcrypt raises for a NUL and for more than 72 bytes, which it has never hashed.
            return PasswordCheck(False)

    async def _run_in_thread(self, work: Callable[[], _Result]) -> _Result:
        if self._pending >= _MAX_PENDING:
            raise UnavailableError()
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1


def _score(password: str, user_inputs: tuple[str, ...]) -> int:
    # Imported where used: its word lists take a tenth of a second and 20 MB.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it ships no types

    words = [word for text in user_inputs for word in (text.replace(" ", ""), *text.replace("@", " ").split()) if word]
    return int(zxcvbn(password[:_ZXCVBN_MAX_LENGTH], user_inputs=words)["score"])
