"""Account and identity values, and how they are read from the rows of `auth.users`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from monynha.domains.auth.accounts.factor import FACTOR_JSON, Factor, FactorType, factor_from_json

MAX_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """One way in which an account authenticates: its email address, or an account at a provider."""

    identity_id: UUID
    id: str
    user_id: UUID
    identity_data: Mapping[str, object]
    provider: str
    last_sign_in_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `auth.users` with its identities.

    `role` is what an admin stored for official clients; it grants nothing.
    `changes` is set on an account that was just updated: which of `email`, `name`, `verified` and
    `provisional` changed.
    """

    id: UUID
    app_metadata: Mapping[str, object]
    user_metadata: Mapping[str, object]
    created_at: datetime
    updated_at: datetime
    email: str | None = None
    phone: str | None = None
    role: str | None = None
    email_confirmed_at: datetime | None = None
    phone_confirmed_at: datetime | None = None
    invited_at: datetime | None = None
    confirmation_sent_at: datetime | None = None
    recovery_sent_at: datetime | None = None
    reauthentication_sent_at: datetime | None = None
    new_email: str | None = None
    email_change_sent_at: datetime | None = None
    is_email_change_half_confirmed: bool = False
    new_phone: str | None = None
    phone_change_sent_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    is_anonymous: bool = False
    banned_until: datetime | None = None
    deleted_at: datetime | None = None
    identities: tuple[Identity, ...] = ()
    factors: tuple[Factor, ...] = ()
    password_hash: str | None = field(default=None, repr=False)
    changes: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The display name; see `display_name`."""
        return display_name(self.user_metadata, self.email)

    @property
    def is_verified(self) -> bool:
        """Whether the email address is confirmed."""
        return self.email_confirmed_at is not None

    @property
    def has_second_factor(self) -> bool:
        """Whether a second factor is verified; recovery codes alone are none."""
        return any(factor.is_verified and factor.factor_type is not FactorType.RECOVERY_CODE for factor in self.factors)

    @property
    def is_phone_verified(self) -> bool:
        """Whether the phone number is confirmed."""
        return self.phone_confirmed_at is not None

    @property
    def is_provisional(self) -> bool:
        """Whether it has no address, and nothing else of it is confirmed: nobody else sees its profile."""
        is_unconfirmed_phone = self.phone is not None and not self.is_phone_verified
        return self.email is None and (self.is_anonymous or is_unconfirmed_phone)

    @property
    def is_unconfirmed_sign_up(self) -> bool:
        """Whether somebody signed up with the address or number who has not proved yet that it is theirs."""
        is_by_admin = self.confirmation_sent_at is None or self.invited_at is not None
        has_contact = self.email is not None or self.phone is not None
        return has_contact and not self.is_verified and not self.is_phone_verified and not is_by_admin

    def is_banned(self, now: datetime) -> bool:
        """Whether a ban is in force at that time."""
        return self.banned_until is not None and self.banned_until > now


def display_name(metadata: Mapping[str, object], email: str | None) -> str:
    """Return the name in the metadata, else the local part of the address, else `Guest`."""
    local_part = (email or "").rpartition("@")[0]
    for candidate in (metadata.get("name"), metadata.get("full_name"), local_part):
        if isinstance(candidate, str) and (name := candidate.strip()[:MAX_NAME_LENGTH].strip()):
            return name
    return "Guest"


ACCOUNT_COLUMNS = f"""
  u.id, u.email, u.phone, u.role, u.email_confirmed_at, u.phone_confirmed_at, u.invited_at, u.confirmation_sent_at,
  u.recovery_sent_at, u.reauthentication_sent_at, u.new_email, u.email_change_sent_at,
  u.is_email_change_half_confirmed, u.new_phone, u.phone_change_sent_at,
  u.last_sign_in_at, u.app_metadata, u.user_metadata, u.is_anonymous,
  u.banned_until, u.deleted_at, u.created_at, u.updated_at, u.password_hash,
  (
    select coalesce(json_agg(json_build_object(
      'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'identity_data', i.identity_data,
      'provider', i.provider, 'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
      'updated_at', i.updated_at
    ) order by i.created_at, i.id), '[]')
    from auth.identities as i where i.user_id = u.id
  ) as identities,
  (
    select json_agg({FACTOR_JSON} order by f.created_at, f.id)
    from auth.factors as f where f.user_id = u.id
  ) as factors
"""
"""What to select from `auth.users as u` for `account_from_row`."""


def account_from_row(row: Mapping[str, object]) -> Account:
    """Return the account in a row of `ACCOUNT_COLUMNS`."""
    values: dict[str, Any] = dict(row)
    values["app_metadata"] = orjson.loads(values["app_metadata"])
    values["user_metadata"] = orjson.loads(values["user_metadata"])
    values["identities"] = tuple(_identity_from_json(identity) for identity in orjson.loads(values["identities"]))
    values["factors"] = tuple(map(factor_from_json, orjson.loads(values["factors"] or b"[]")))
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
