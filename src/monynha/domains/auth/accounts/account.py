"""An account as the program holds it: who somebody is, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

MAX_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """One way in which an account is proven: its address, or an account at a provider."""

    identity_id: UUID
    id: str
    user_id: UUID
    identity_data: Mapping[str, Any]
    provider: str
    last_sign_in_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """Who somebody is; `changes` names what a change has changed of `email`, `name` and `verified`."""

    id: UUID
    email: str | None
    phone: str | None
    email_confirmed_at: datetime | None
    phone_confirmed_at: datetime | None
    invited_at: datetime | None
    confirmation_sent_at: datetime | None
    recovery_sent_at: datetime | None
    reauthentication_sent_at: datetime | None
    new_email: str | None
    email_change_sent_at: datetime | None
    is_email_change_half_confirmed: bool
    last_sign_in_at: datetime | None
    app_metadata: Mapping[str, Any]
    user_metadata: Mapping[str, Any]
    is_anonymous: bool
    banned_until: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    identities: tuple[Identity, ...] = ()
    password_hash: str | None = field(default=None, repr=False)
    changes: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What they are called: their own word for it, else what stands before the @, else Guest."""
        return display_name(self.user_metadata, self.email)

    @property
    def is_verified(self) -> bool:
        """Whether the address has been proven."""
        return self.email_confirmed_at is not None

    def is_banned(self, now: datetime) -> bool:
        """Whether they are shut out at that moment."""
        return self.banned_until is not None and self.banned_until > now


def display_name(metadata: Mapping[str, Any], email: str | None) -> str:
    """Return the name that metadata and address give."""
    local_part = (email or "").rpartition("@")[0]
    for candidate in (metadata.get("name"), metadata.get("full_name"), local_part):
        if isinstance(candidate, str) and (name := candidate.strip()[:MAX_NAME_LENGTH].strip()):
            return name
    return "Guest"


ACCOUNT_COLUMNS = """
  u.id, u.email, u.phone, u.email_confirmed_at, u.phone_confirmed_at, u.invited_at, u.confirmation_sent_at,
  u.recovery_sent_at, u.reauthentication_sent_at, u.new_email, u.email_change_sent_at,
  u.is_email_change_half_confirmed, u.last_sign_in_at, u.app_metadata, u.user_metadata, u.is_anonymous,
  u.banned_until, u.deleted_at, u.created_at, u.updated_at, u.password_hash,
  (
    select coalesce(json_agg(json_build_object(
      'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'identity_data', i.identity_data,
      'provider', i.provider, 'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
      'updated_at', i.updated_at
    ) order by i.created_at, i.id), '[]')
    from auth.identities as i where i.user_id = u.id
  ) as identities
"""
"""What to select from `auth.users as u` to make an account of."""


def account_from_row(row: Mapping[str, Any]) -> Account:
    """Return the account in a row of `COLUMNS`."""
    values = dict(row)
    values["app_metadata"] = orjson.loads(values["app_metadata"])
    values["user_metadata"] = orjson.loads(values["user_metadata"])
    values["identities"] = tuple(_identity_from_json(each) for each in orjson.loads(values["identities"]))
    return Account(**values)


def _identity_from_json(values: dict[str, Any]) -> Identity:
    last_sign_in_at = values["last_sign_in_at"]
    return Identity(
        identity_id=UUID(values["identity_id"]),
        id=values["id"],
        user_id=UUID(values["user_id"]),
        identity_data=values["identity_data"],
        provider=values["provider"],
        last_sign_in_at=datetime.fromisoformat(last_sign_in_at) if last_sign_in_at else None,
        created_at=datetime.fromisoformat(values["created_at"]),
        updated_at=datetime.fromisoformat(values["updated_at"]),
    )
