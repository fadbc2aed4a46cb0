"""Errors of files."""

from __future__ import annotations

from monynha.core.errors import PayloadTooLargeError


class QuotaExceededError(PayloadTooLargeError):
    """There is no room left for the file."""
