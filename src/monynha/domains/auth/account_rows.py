"""The rows of accounts: found, added, changed and removed inside a transaction of the actor "auth"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from monynha.core.actor import system
from monynha.domains.auth.account import COLUMNS, Account, account_of, name_of
from monynha.domains.auth.metadata import checked
from monynha.domains.auth.reactions import AccountReaction
from monynha.infra.postgres.database import Transaction

AUTH = system("auth")
"""The part of the program that keeps accounts; policies.sql lets it alone touch them."""

_BY_ID = f"select {COLUMNS} from auth.users as u where u.id = $1 and u.deleted_at is null"
_BY_EMAIL = f"select {COLUMNS} from auth.users as u where u.email = $1 and u.deleted_at is null"
_BY_SESSION = f"""
select {COLUMNS}, $2::uuid is null or exists (
  select from auth.sessions as s
  where s.id = $2 and s.user_id = u.id and (s.not_after is null or s.not_after > now())
) as is_live
from auth.users as u where u.id = $1 and u.deleted_at is null
"""
_ADD = """
with made as (
  insert into auth.users (
    id, email, phone, password_hash, email_confirmed_at, phone_confirmed_at, invited_at, confirmation_sent_at,
    banned_until, app_metadata, user_metadata
  )
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb)
  on conflict do nothing
  returning id, email, email_confirmed_at
),
proof as (
  insert into auth.identities (user_id, provider, provider_id, identity_data)
  select id, 'email', id::text, jsonb_build_object(
    'sub', id, 'email', email, 'email_verified', email_confirmed_at is not null, 'phone_verified', false
  )
  from made where email is not null
)
select id from made
"""
_ADDRESS_FOLLOWS = """
with told as (
  update auth.users set user_metadata = user_metadata || jsonb_build_object(
    'email', email, 'email_verified', email_confirmed_at is not null
  )
  where id = $1 and email is not null
  returning id, email, email_confirmed_at
)
insert into auth.identities (user_id, provider, provider_id, identity_data)
select id, 'email', id::text, jsonb_build_object(
  'sub', id, 'email', email, 'email_verified', email_confirmed_at is not null, 'phone_verified', false
)
from told
on conflict (provider, provider_id) do update
  set identity_data = excluded.identity_data, updated_at = clock_timestamp()
"""
_FORGET = (
    "delete from auth.sessions where user_id = $1",
    "delete from auth.one_time_tokens where user_id = $1",
    "delete from auth.authorization_codes where user_id = $1",
    "delete from auth.identities where user_id = $1",
)
_CHANGEABLE = {
    "email": "",
    "phone": "",
    "password_hash": "",
    "email_confirmed_at": "",
    "phone_confirmed_at": "",
    "invited_at": "",
    "confirmation_sent_at": "",
    "recovery_sent_at": "",
    "reauthentication_sent_at": "",
    "new_email": "",
    "email_change_sent_at": "",
    "email_change_is_half_done": "",
    "last_sign_in_at": "",
    "app_metadata": "::jsonb",
    "user_metadata": "::jsonb",
    "banned_until": "",
    "deleted_at": "",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An account that is to be."""

    email: str | None
    password_hash: str | None = field(default=None, repr=False)
    phone: str | None = None
    email_confirmed_at: datetime | None = None
    phone_confirmed_at: datetime | None = None
    invited_at: datetime | None = None
    confirmation_sent_at: datetime | None = None
    banned_until: datetime | None = None
    app_metadata: Mapping[str, Any] = field(default_factory=dict)
    user_metadata: Mapping[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)

    def told_metadata(self) -> dict[str, Any]:
        """Return the metadata with what official clients look for beside it."""
        told: dict[str, Any] = {"sub": str(self.id)}
        if self.email:
            told |= {"email": self.email, "email_verified": self.email_confirmed_at is not None}
        return {**self.user_metadata, **told, "phone_verified": self.phone_confirmed_at is not None}

    def all_app_metadata(self) -> dict[str, Any]:
        """Return the app metadata with how the account is proven."""
        provider = "email" if self.email else "phone"
        return {"provider": provider, "providers": [provider], **self.app_metadata}


@dataclass(frozen=True)
class AccountRows:
    """Reads and writes accounts, and lets later domains react in the same transaction."""

    reactions: Sequence[AccountReaction] = ()

    async def by_id(self, transaction: Transaction, id: UUID) -> Account | None:
        """Return the account with the id, deleted ones excepted."""
        row = await transaction.row(_BY_ID, id)
        return account_of(dict(row)) if row else None

    async def by_session(
        self, transaction: Transaction, id: UUID, session_id: UUID | None
    ) -> tuple[Account | None, bool]:
        """Return the account, and whether the session that a token names is live."""
        row = await transaction.row(_BY_SESSION, id, session_id)
        if row is None:
            return None, False
        values = dict(row)
        is_live: bool = values.pop("is_live")
        return account_of(values), is_live

    async def by_email(self, transaction: Transaction, email: str) -> Account | None:
        """Return the account with the address, in its normal form."""
        row = await transaction.row(_BY_EMAIL, email)
        return account_of(dict(row)) if row else None

    async def add(self, transaction: Transaction, draft: Draft) -> Account | None:
        """Add an account; None where its address or id is taken."""
        added = await transaction.value(
            _ADD,
            draft.id,
            draft.email,
            draft.phone,
            draft.password_hash,
            draft.email_confirmed_at,
            draft.phone_confirmed_at,
            draft.invited_at,
            draft.confirmation_sent_at,
            draft.banned_until,
            checked(draft.all_app_metadata(), "app_metadata"),
            checked(draft.told_metadata(), "user_metadata"),
        )
        account = await self.by_id(transaction, draft.id) if added else None
        if account is not None:
            for reaction in self.reactions:
                await reaction.created(transaction, account)
        return account

    async def change(self, transaction: Transaction, before: Account, **values: object) -> Account:
        """Set columns of an account and return it as it is then."""
        columns = ", ".join(f"{name} = ${place}{_CHANGEABLE[name]}" for place, name in enumerate(values, 2))
        binds = [
            checked(value, name) if isinstance(value, Mapping) else value for name, value in values.items()
        ]
        await transaction.run(
            f"update auth.users set {columns}, "
            "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond') where id = $1",
            before.id,
            *binds,
        )
        if values.keys() & {"email", "email_confirmed_at"}:
            await transaction.run(_ADDRESS_FOLLOWS, before.id)
        after = await self.by_id(transaction, before.id)
        assert after is not None, "nobody but us deletes it, and the row is locked by the update"
        return await self._told(transaction, before, after)

    async def remove(self, transaction: Transaction, account: Account) -> None:
        """Delete an account and, by the schema, everything that hangs on it."""
        await transaction.run("delete from auth.users where id = $1", account.id)

    async def forget(self, transaction: Transaction, account: Account, now: datetime) -> None:
        """Keep the bare row of an account, so that what refers to it stands, and nothing of the person."""
        for statement in _FORGET:
            await transaction.run(statement, account.id)
        await transaction.run(
            "update auth.users set email = null, phone = null, new_email = null, password_hash = null, "
            "user_metadata = '{}', app_metadata = '{}', deleted_at = $2, updated_at = $2 where id = $1",
            account.id,
            now,
        )
        bare = replace(
            account, email=None, phone=None, user_metadata={}, email_confirmed_at=None, deleted_at=now
        )
        await self._told(transaction, account, bare)

    async def _told(self, transaction: Transaction, before: Account, after: Account) -> Account:
        # A new address is no new name, though the name was once made from the old one.
        name_before = before.name if after.deleted_at else name_of(before.user_metadata, after.email)
        changes = {
            "email": before.email != after.email,
            "name": name_before != after.name,
            "verified": before.is_verified != after.is_verified,
        }
        after = replace(after, changes=frozenset(name for name, is_so in changes.items() if is_so))
        if after.changes:
            for reaction in self.reactions:
                await reaction.changed(transaction, after)
        return after


def json_text(value: object) -> str:
    """Return a value as the text that a `jsonb` bind takes."""
    return orjson.dumps(value).decode()
