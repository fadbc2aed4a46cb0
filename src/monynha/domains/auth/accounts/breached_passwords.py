"""Breached passwords: looks a password up in a sorted file of SHA-1 hashes on this machine.

The format is that of Have I Been Pwned's downloads, ordered by hash: lines of 40 hexadecimal digits, a colon and how
often the password was seen, of which only the digits are read. Nothing leaves the machine, and nothing is loaded: a
lookup in a thousand million lines reads some 35 blocks.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from monynha.core.errors import SettingsError

_LINE = re.compile(rb"[0-9A-Fa-f]{40}(?::[0-9]{1,12})?\r?\n?")
_HASH_LENGTH = 40
_MAX_LINE_BYTES = 64
_SAMPLES = 64
"""How many places of the file are compared at the start, to refuse one that is ordered by count."""


@dataclass(frozen=True)
class BreachedPasswords:
    """An open file of hashes; lookups may run in any thread."""

    descriptor: int
    size: int

    @classmethod
    def open(cls, path: Path, setting: str) -> BreachedPasswords:
        """Open the file; raise SettingsError, naming the setting, if it is not such a file."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            passwords = cls(descriptor, os.fstat(descriptor).st_size)
            problem = passwords._find_problem()
        except OSError as error:
            raise SettingsError(f"{setting}: {path} cannot be read: {error.strerror}") from None
        if problem:
            os.close(descriptor)
            raise SettingsError(f"{setting}: {path} {problem}")
        return passwords

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def __contains__(self, password: str) -> bool:
        """Whether the password's hash is in the file."""
        # SHA-1 is the format's; it protects nothing here.
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False)
        wanted = digest.hexdigest().upper().encode()
        # A line that begins before `low` is smaller, one that begins at or after `high` is larger.
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            start = self._line_start(middle)
            if start >= high:
                high = middle
                continue
            line = self._read(start)
            candidate = line[:_HASH_LENGTH].upper()
            if candidate == wanted:
                return True
            if candidate < wanted:
                low = start + _line_length(line)
            else:
                high = middle
        return False

    def _line_start(self, position: int) -> int:
        """Return where the first line begins that begins at or after the position."""
        if position == 0:
            return 0
        return position - 1 + _line_length(self._read(position - 1))

    def _read(self, position: int) -> bytes:
        return os.pread(self.descriptor, _MAX_LINE_BYTES, position)

    def _find_problem(self) -> str:
        previous = b""
        for index in range(_SAMPLES + 1):
            start = self._line_start(self.size * index // (_SAMPLES + 1))
            if start >= self.size > 0:
                continue
            line = self._read(start)
            line = line[: _line_length(line)]
            if not _LINE.fullmatch(line):
                return "must have lines of a SHA-1 hash in 40 hexadecimal digits, a colon and a count"
            if (sample := line[:_HASH_LENGTH].upper()) < previous:
                return "must be ordered by hash"
            previous = sample
        return ""


def _line_length(text: bytes) -> int:
    """Return the length of the first line with its line break."""
    end = text.find(b"\n")
    return len(text) if end < 0 else end + 1
