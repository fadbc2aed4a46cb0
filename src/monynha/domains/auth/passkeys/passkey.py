"""Passkeys as their users see them, and the names of well-known authenticators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

MAX_NAME_LENGTH = 120
_DEFAULT_NAME = "Passkey"
_NAMES = {
    "08987058-cadc-4b81-b6e1-30de50dcbe96": "Windows Hello",
    "6028b017-b1d4-4c02-b4b3-afcdafc96bb2": "Windows Hello",
    "9ddd1817-af5a-4672-a2b9-3e3dd95000a9": "Windows Hello",
    "adce0002-35bc-c60a-648b-0b25f1f05503": "Chrome on Mac",
    "bada5566-a7aa-401f-bd96-45619a55120d": "1Password",
    "d548826e-79b4-db40-a3d8-11116f7e8349": "Bitwarden",
    "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": "Google Password Manager",
    "fbfc3007-154e-4ecc-8c0b-6e020557d7bd": "iCloud Keychain",
}
"""By AAGUID, which names the model of an authenticator."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey, without its key."""

    id: UUID
    friendly_name: str
    created_at: datetime
    last_used_at: datetime | None = None


def default_name(aaguid: str) -> str:
    """Return the name of a new passkey: that of its authenticator, where it is a well-known one."""
    return _NAMES.get(aaguid, _DEFAULT_NAME)
