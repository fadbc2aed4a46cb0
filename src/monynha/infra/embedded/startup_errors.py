"""What a server said when it did not start, as one line for the operator."""

from __future__ import annotations

from pathlib import Path

from monynha.core.errors import SettingsError

_DISK_FULL_PHRASES = ("No space left", "quota exceeded", "free disk space")
_ERROR_PHRASES = ("FATAL", "PANIC", "rror", *_DISK_FULL_PHRASES)
_MAX_LENGTH = 300


class ServerExitedError(Exception):
    """A server ended before it was ready; the text is what it said last."""


def read_log_since(path: Path, offset: int) -> str:
    """What was written to a log since a place in it."""
    with path.open("rb") as log_file:
        log_file.seek(offset)
        return log_file.read(100_000).decode(errors="replace").strip()


def startup_error(server_name: str, output: str) -> SettingsError:
    """The one line for a server that does not start, from all that it said."""
    if is_disk_full(output):
        return SettingsError(f"MONYNHA_DATA_DIR: the disk is full, {server_name} cannot start there")
    lines = output.splitlines()
    error_lines = [line.strip() for line in lines if any(word in line for word in _ERROR_PHRASES)]
    return SettingsError(
        f"MONYNHA_DATA_DIR: {server_name} does not start: {' / '.join(error_lines or lines)[:_MAX_LENGTH]}"
    )


def is_disk_full(output: str) -> bool:
    """Whether a server lacks room."""
    return any(word in output for word in _DISK_FULL_PHRASES)
