"""Second factors as accounts show them, and how they are read from the rows of `auth.factors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class FactorType(StrEnum):
    """What a second factor is; the values are the wire's."""

    TOTP = "totp"
    PHONE = "phone"
    WEBAUTHN = "webauthn"
    RECOVERY_CODE = "recovery_code"

    @property
    def method(self) -> str:
        """The authentication method that a session names after the factor was verified (claim `amr`)."""
        return "totp" if self is FactorType.TOTP else f"mfa/{self.value}"


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor of an account, without what is secret."""

    id: UUID
    factor_type: FactorType
    is_verified: bool
    friendly_name: str | None
    phone: str | None
    last_challenged_at: datetime | None
    created_at: datetime
    updated_at: datetime


FACTOR_JSON = """json_build_object(
      'id', f.id, 'factor_type', f.factor_type, 'status', f.status, 'friendly_name', f.friendly_name,
      'phone', f.phone, 'last_challenged_at', f.last_challenged_at, 'created_at', f.created_at,
      'updated_at', f.updated_at
    )"""
"""What to select from `auth.factors as f` for `factor_from_json`."""


def factor_from_json(values: Mapping[str, str | None]) -> Factor:
    """Return the factor in a value of `FACTOR_JSON`."""
    challenged_at = values["last_challenged_at"]
    return Factor(
        UUID(values["id"]),
        FactorType(str(values["factor_type"])),
        values["status"] == "verified",
        values["friendly_name"],
        values["phone"],
        datetime.fromisoformat(challenged_at) if challenged_at else None,
        datetime.fromisoformat(str(values["created_at"])),
        datetime.fromisoformat(str(values["updated_at"])),
    )
