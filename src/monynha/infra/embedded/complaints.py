"""What a server said when it did not start, as one line for the operator."""

from __future__ import annotations

from pathlib import Path

from monynha.core.errors import WrongSetting

_FULL = ("No space left", "quota exceeded", "free disk space")
_TELLING = ("FATAL", "PANIC", "rror", *_FULL)
_LONGEST = 300


class Died(Exception):
    """A server ended before it was ready; the text is what it said last."""


def last_words(path: Path, since: int) -> str:
    """What was written to a log since a place in it."""
    with path.open("rb") as stream:
        stream.seek(since)
        return stream.read(100_000).decode(errors="replace").strip()


def explain(server: str, words: str) -> WrongSetting:
    """The one line for a server that does not start, from all that it said."""
    if is_about_a_full_disk(words):
        return WrongSetting(f"MONYNHA_DATA_DIR: the disk is full, {server} cannot start there")
    lines = words.splitlines()
    telling = [line.strip() for line in lines if any(word in line for word in _TELLING)]
    return WrongSetting(
        f"MONYNHA_DATA_DIR: {server} does not start: {' / '.join(telling or lines)[:_LONGEST]}"
    )


def is_about_a_full_disk(words: str) -> bool:
    """Whether a server lacks room."""
    return any(word in words for word in _FULL)
