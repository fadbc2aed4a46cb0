"""Errors of files that the tree of `core.errors` has no class for."""

from __future__ import annotations

from monynha.core.errors import AppError, PayloadTooLargeError


class QuotaExceededError(PayloadTooLargeError):
    """There is no room left for the file."""

    code = "QUOTA_EXCEEDED"


class RangeNotSatisfiableError(AppError):
    """The requested range is not within the file."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"
