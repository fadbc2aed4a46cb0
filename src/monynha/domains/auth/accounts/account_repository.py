"""The rows of accounts: found, added, changed and removed inside a transaction of the actor "auth"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from monynha.core.actor import system_actor
from monynha.domains.auth.accounts.account import ACCOUNT_COLUMNS, Account, account_from_row, display_name
from monynha.domains.auth.accounts.hooks import AccountHook
from monynha.domains.auth.accounts.metadata import serialize_metadata
from monynha.infra.postgres.database import Transaction

AUTH_ACTOR = system_actor("auth")
"""The part of the program that keeps accounts; policies.sql lets it alone touch them."""

_SELECT_BY_ID = f"select {ACCOUNT_COLUMNS} from auth.users as u where u.id = $1 and u.deleted_at is null"
_SELECT_BY_EMAIL = f"select {ACCOUNT_COLUMNS} from auth.users as u where u.email = $1 and u.deleted_at is null"
_SELECT_BY_SESSION = f"""
select {ACCOUNT_COLUMNS}, $2::uuid is null or exists (
  select from auth.sessions as s
  where s.id = $2 and s.user_id = u.id and (s.not_after is null or s.not_after > now())
) as is_live
from auth.users as u where u.id = $1 and u.deleted_at is null
"""
_INSERT_ACCOUNT = """
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
_SYNC_EMAIL_IDENTITY = """
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
_DELETE_PERSONAL_ROWS = (
    "delete from auth.sessions where user_id = $1",
    "delete from auth.one_time_tokens where user_id = $1",
    "delete from auth.authorization_codes where user_id = $1",
    "delete from auth.identities where user_id = $1",
)
_COLUMN_CASTS = {
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
    "is_email_change_half_confirmed": "",
    "last_sign_in_at": "",
    "app_metadata": "::jsonb",
    "user_metadata": "::jsonb",
    "banned_until": "",
    "deleted_at": "",
}


@dataclass(frozen=True, slots=True)
class NewAccount:
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

    def stored_user_metadata(self) -> dict[str, Any]:
        """Return the metadata with what official clients look for beside it."""
        standard: dict[str, Any] = {"sub": str(self.id)}
        if self.email:
            standard |= {"email": self.email, "email_verified": self.email_confirmed_at is not None}
        return {**self.user_metadata, **standard, "phone_verified": self.phone_confirmed_at is not None}

    def stored_app_metadata(self) -> dict[str, Any]:
        """Return the app metadata with how the account is proven."""
        provider = "email" if self.email else "phone"
        return {"provider": provider, "providers": [provider], **self.app_metadata}


@dataclass(frozen=True)
class AccountRepository:
    """Reads and writes accounts, and lets later domains react in the same transaction."""

    hooks: Sequence[AccountHook] = ()

    async def find_by_id(self, transaction: Transaction, id: UUID) -> Account | None:
        """Return the account with the id, deleted ones excepted."""
        row = await transaction.fetch_row(_SELECT_BY_ID, id)
        return account_from_row(dict(row)) if row else None

    async def find_by_session(
        self, transaction: Transaction, id: UUID, session_id: UUID | None
    ) -> tuple[Account | None, bool]:
        """Return the account, and whether the session that a token names is live."""
        row = await transaction.fetch_row(_SELECT_BY_SESSION, id, session_id)
        if row is None:
            return None, False
        values = dict(row)
        is_live: bool = values.pop("is_live")
        return account_from_row(values), is_live

    async def find_by_email(self, transaction: Transaction, email: str) -> Account | None:
        """Return the account with the address, in its normal form."""
        row = await transaction.fetch_row(_SELECT_BY_EMAIL, email)
        return account_from_row(dict(row)) if row else None

    async def insert(self, transaction: Transaction, new_account: NewAccount) -> Account | None:
        """Add an account; None where its address or id is taken."""
        inserted_id = await transaction.fetch_value(
            _INSERT_ACCOUNT,
            new_account.id,
            new_account.email,
            new_account.phone,
            new_account.password_hash,
            new_account.email_confirmed_at,
            new_account.phone_confirmed_at,
            new_account.invited_at,
            new_account.confirmation_sent_at,
            new_account.banned_until,
            serialize_metadata(new_account.stored_app_metadata(), "app_metadata"),
            serialize_metadata(new_account.stored_user_metadata(), "user_metadata"),
        )
        account = await self.find_by_id(transaction, new_account.id) if inserted_id else None
        if account is not None:
            for hook in self.hooks:
                await hook.on_created(transaction, account)
        return account

    async def update(self, transaction: Transaction, before: Account, **changes: object) -> Account:
        """Set columns of an account and return it as it is then."""
        assignments = ", ".join(f"{name} = ${place}{_COLUMN_CASTS[name]}" for place, name in enumerate(changes, 2))
        binds = [
            serialize_metadata(value, name) if isinstance(value, Mapping) else value for name, value in changes.items()
        ]
        await transaction.execute(
            f"update auth.users set {assignments}, "
            "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond') where id = $1",
            before.id,
            *binds,
        )
        if changes.keys() & {"email", "email_confirmed_at"}:
            await transaction.execute(_SYNC_EMAIL_IDENTITY, before.id)
        after = await self.find_by_id(transaction, before.id)
        assert after is not None, "nobody but us deletes it, and the row is locked by the update"
        return await self._run_changed_hooks(transaction, before, after)

    async def delete(self, transaction: Transaction, account: Account) -> None:
        """Delete an account and, by the schema, everything that hangs on it."""
        await transaction.execute("delete from auth.users where id = $1", account.id)

    async def anonymize(self, transaction: Transaction, account: Account, now: datetime) -> None:
        """Keep the bare row of an account, so that what refers to it stands, and nothing of the person."""
        for statement in _DELETE_PERSONAL_ROWS:
            await transaction.execute(statement, account.id)
        await transaction.execute(
            "update auth.users set email = null, phone = null, new_email = null, password_hash = null, "
            "user_metadata = '{}', app_metadata = '{}', deleted_at = $2, updated_at = $2 where id = $1",
            account.id,
            now,
        )
        anonymized = replace(account, email=None, phone=None, user_metadata={}, email_confirmed_at=None, deleted_at=now)
        await self._run_changed_hooks(transaction, account, anonymized)

    async def _run_changed_hooks(self, transaction: Transaction, before: Account, after: Account) -> Account:
        # A new address is no new name, though the name was once made from the old one.
        previous_name = before.name if after.deleted_at else display_name(before.user_metadata, after.email)
        changes = {
            "email": before.email != after.email,
            "name": previous_name != after.name,
            "verified": before.is_verified != after.is_verified,
        }
        after = replace(after, changes=frozenset(name for name, is_so in changes.items() if is_so))
        if after.changes:
            for hook in self.hooks:
                await hook.on_changed(transaction, after)
        return after


def json_text(value: object) -> str:
    """Return a value as the text that a `jsonb` bind takes."""
    return orjson.dumps(value).decode()
