"""Turns the output of a server that does not start into one line for the operator."""

from __future__ import annotations

from pathlib import Path

from monynha.core.errors import SettingsError

_DISK_FULL_PHRASES = ("No space left", "quota exceeded", "free disk space")
_ERROR_PHRASES = ("FATAL", "PANIC", "rror", *_DISK_FULL_PHRASES)
_MAX_LENGTH = 300


class ServerExitedError(Exception):
    """A server exited before it was ready; the message is the end of its output."""


def read_log_since(path: Path, offset: int) -> str:
    """Return what was written to a log after `offset` bytes, at most 100 kB."""
    with path.open("rb") as log_file:
        log_file.seek(offset)
        return log_file.read(100_000).decode(errors="replace").strip()


def startup_error(server_name: str, output: str) -> SettingsError:
    """Return the error for a server that does not start, from all its output."""
    if is_disk_full(output):
        return SettingsError(f"MONYNHA_DATA_DIR: the disk is full, {server_name} cannot start there")
    lines = output.splitlines()
    error_lines = [line.strip() for line in lines if any(phrase in line for phrase in _ERROR_PHRASES)]
    return SettingsError(
        f"MONYNHA_DATA_DIR: {server_name} does not start: {' / '.join(error_lines or lines)[:_MAX_LENGTH]}"
    )


def is_disk_full(output: str) -> bool:
    """Whether the output of a server says that the disk is full."""
    return any(phrase in output for phrase in _DISK_FULL_PHRASES)
