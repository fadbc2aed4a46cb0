"""Account repository: reads and writes accounts as the system actor "auth"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

import orjson

from monynha.core.actor import system_actor
from monynha.domains.auth.accounts.account import ACCOUNT_COLUMNS, Account, Identity, account_from_row, display_name
from monynha.domains.auth.accounts.hooks import AccountHook
from monynha.domains.auth.accounts.metadata import serialize_metadata
from monynha.infra.postgres.database import Database, Transaction

AUTH_ACTOR = system_actor("auth")
"""The only actor that the policies let read and write accounts."""

_SELECT_BY_ID = f"""
select {ACCOUNT_COLUMNS} from auth.users as u where u.id = $1 and u.deleted_at is null
"""
_SELECT_BY_EMAIL = f"""
select {ACCOUNT_COLUMNS} from auth.users as u where u.email = $1 and u.deleted_at is null
"""
_SELECT_BY_PHONE = f"""
select {ACCOUNT_COLUMNS} from auth.users as u where u.phone = $1 and u.deleted_at is null
"""
_SELECT_BY_SESSION = f"""
select {ACCOUNT_COLUMNS}, $2::uuid is null or exists (
  select from auth.sessions as s
  where s.id = $2 and s.user_id = u.id and (s.not_after is null or s.not_after > now())
) or exists (
  select from public.api_tokens as t
  where t.id = $2 and t.user_id = u.id and (t.expires_at is null or t.expires_at > now())
) as is_live
from auth.users as u where u.id = $1 and u.deleted_at is null
"""
_SELECT_PAGE = f"""
select {ACCOUNT_COLUMNS} from auth.users as u
where u.deleted_at is null and ($3::text is null or strpos(u.email, $3) > 0)
order by u.created_at desc, u.id desc limit $1 offset $2
"""
_COUNT_ACCOUNTS = """
select count(*) from auth.users as u
where u.deleted_at is null and ($1::text is null or strpos(u.email, $1) > 0)
"""
_INSERT_ACCOUNT = """
with account as (
  insert into auth.users (
    id, email, phone, password_hash, email_confirmed_at, phone_confirmed_at, invited_at, confirmation_sent_at,
    banned_until, app_metadata, user_metadata, role, is_anonymous
  )
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12, $13)
  on conflict do nothing
  returning id, email, email_confirmed_at, phone, phone_confirmed_at
),
identity as (
  insert into auth.identities (user_id, provider, provider_id, identity_data)
  select id, 'email', id::text, jsonb_build_object(
    'sub', id, 'email', email, 'email_verified', email_confirmed_at is not null, 'phone_verified', false
  )
  from account where email is not null and $14
  union all
  select id, 'phone', id::text, jsonb_build_object(
    'sub', id, 'phone', phone, 'email_verified', false, 'phone_verified', phone_confirmed_at is not null
  )
  from account where phone is not null
)
select id from account
"""
_SYNC_EMAIL_IDENTITY = """
with account as (
  update auth.users set user_metadata = case
    -- The claims of a sign-up follow the address; metadata that an admin wrote stays as it is.
    when user_metadata ->> 'sub' = id::text then user_metadata || jsonb_build_object(
      'email', email, 'email_verified', email_confirmed_at is not null
    )
    else user_metadata
  end
  where id = $1 and email is not null
  returning id, email, email_confirmed_at
)
insert into auth.identities (user_id, provider, provider_id, identity_data)
select id, 'email', id::text, jsonb_build_object(
  'sub', id, 'email', email, 'email_verified', email_confirmed_at is not null, 'phone_verified', false
)
from account
on conflict (provider, provider_id) do update
  set identity_data = excluded.identity_data, updated_at = clock_timestamp()
"""
_SYNC_PHONE_IDENTITY = """
with account as (
  update auth.users set user_metadata = case
    when user_metadata ->> 'sub' = id::text then user_metadata || jsonb_build_object(
      'phone_verified', phone_confirmed_at is not null
    )
    else user_metadata
  end
  where id = $1 and phone is not null
  returning id, phone, phone_confirmed_at
)
insert into auth.identities (user_id, provider, provider_id, identity_data)
select id, 'phone', id::text, jsonb_build_object(
  'sub', id, 'phone', phone, 'email_verified', false, 'phone_verified', phone_confirmed_at is not null
)
from account
on conflict (provider, provider_id) do update
  set identity_data = excluded.identity_data, updated_at = clock_timestamp()
"""
_DELETE_PERSONAL_ROWS = (
    "delete from auth.sessions where user_id = $1",
    "delete from auth.factors where user_id = $1",
    "delete from auth.passkeys where user_id = $1",
    "delete from auth.known_devices where user_id = $1",
    "delete from auth.one_time_tokens where user_id = $1",
    "delete from auth.authorization_codes where user_id = $1",
    "delete from auth.oauth_flows where linking_user_id = $1",
    "delete from auth.identities where user_id = $1",
)
_ANONYMIZE_ACCOUNT = """
update auth.users
set email = null, phone = null, new_email = null, new_phone = null, password_hash = null, user_metadata = '{}',
  app_metadata = '{}', deleted_at = $2, updated_at = $2
where id = $1
"""
_COLUMN_CASTS = {
    "email": "",
    "phone": "",
    "role": "",
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
    "new_phone": "",
    "phone_change_sent_at": "",
    "is_anonymous": "",
    "last_sign_in_at": "",
    "app_metadata": "::jsonb",
    "user_metadata": "::jsonb",
    "banned_until": "",
    "deleted_at": "",
}
"""The columns that `update` may set, with the cast of their bind."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """The values of an account to insert."""

    email: str | None
    password_hash: str | None = field(default=None, repr=False)
    phone: str | None = None
    email_confirmed_at: datetime | None = None
    phone_confirmed_at: datetime | None = None
    invited_at: datetime | None = None
    confirmation_sent_at: datetime | None = None
    banned_until: datetime | None = None
    app_metadata: Mapping[str, object] = field(default_factory=dict)
    user_metadata: Mapping[str, object] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)
    role: str | None = None
    is_anonymous: bool = False
    has_sign_up_claims: bool = True
    """Whether the user metadata gets the keys that official clients expect of a sign-up."""
    has_email_identity: bool = True
    """Whether its address is an identity; that of an account of a provider is not."""

    def stored_user_metadata(self) -> dict[str, object]:
        """Return the user metadata as it is stored: of a sign-up, with the claims that official clients expect."""
        if not self.has_sign_up_claims:
            return dict(self.user_metadata)
        standard: dict[str, object] = {"sub": str(self.id)}
        if self.email:
            standard |= {"email": self.email, "email_verified": self.email_confirmed_at is not None}
        return {**self.user_metadata, **standard, "phone_verified": self.phone_confirmed_at is not None}

    def stored_app_metadata(self) -> dict[str, object]:
        """Return the app metadata with the provider by which the account authenticates."""
        if self.is_anonymous:
            return dict(self.app_metadata)
        return {"provider": self._provider, "providers": [self._provider], **self.app_metadata}

    def as_unconfirmed(self, now: datetime) -> Account:
        """Return the account as it looks right after its sign-up, for an answer that is the same if there was one."""
        sub = str(self.id)
        identity_data = {
            "sub": sub,
            self._provider: self.email or self.phone,
            "email_verified": False,
            "phone_verified": False,
        }
        identity = Identity(uuid4(), sub, self.id, identity_data, self._provider, None, now, now)
        return Account(
            id=self.id,
            email=self.email,
            phone=self.phone,
            confirmation_sent_at=now,
            app_metadata=self.stored_app_metadata(),
            user_metadata=self.stored_user_metadata(),
            created_at=now,
            updated_at=now,
            identities=(identity,),
        )

    @property
    def _provider(self) -> str:
        return "email" if self.email else "phone"


@dataclass(frozen=True)
class AccountRepository:
    """Reads and writes accounts; hooks of later domains run in the same transaction."""

    database: Database
    hooks: Sequence[AccountHook] = ()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction as the system actor "auth"."""
        return self.database.as_actor(AUTH_ACTOR).transaction()

    async def find_by_id(self, transaction: Transaction, id: UUID) -> Account | None:
        """Return the account with the id; None if there is none or it is deleted."""
        row = await transaction.fetch_row(_SELECT_BY_ID, id)
        return account_from_row(dict(row)) if row else None

    async def find_for_update(self, transaction: Transaction, id: UUID) -> Account | None:
        """Return the account with the id, its row locked until the transaction ends."""
        await transaction.execute("select 1 from auth.users where id = $1 for update", id)
        return await self.find_by_id(transaction, id)

    async def find_by_session(
        self, transaction: Transaction, id: UUID, session_id: UUID | None
    ) -> tuple[Account | None, bool]:
        """Return the account, and whether its session is live; no session id counts as live."""
        row = await transaction.fetch_row(_SELECT_BY_SESSION, id, session_id)
        if row is None:
            return None, False
        values = dict(row)
        is_live: bool = values.pop("is_live")
        return account_from_row(values), is_live

    async def find_by_email(self, transaction: Transaction, email: str) -> Account | None:
        """Return the account with the normalized address."""
        row = await transaction.fetch_row(_SELECT_BY_EMAIL, email)
        return account_from_row(dict(row)) if row else None

    async def find_by_phone(self, transaction: Transaction, phone: str) -> Account | None:
        """Return the account with the normalized phone number."""
        row = await transaction.fetch_row(_SELECT_BY_PHONE, phone)
        return account_from_row(dict(row)) if row else None

    async def find_page(
        self, transaction: Transaction, *, limit: int, offset: int, email_filter: str | None
    ) -> tuple[list[Account], int]:
        """Return accounts whose address contains the filter, newest first, and the number of all of them."""
        total = await transaction.fetch_value(_COUNT_ACCOUNTS, email_filter)
        assert isinstance(total, int)  # count(*) is a bigint
        rows = await transaction.fetch_rows(_SELECT_PAGE, limit, offset, email_filter)
        return [account_from_row(dict(row)) for row in rows], total

    async def insert(self, transaction: Transaction, new_account: NewAccount) -> Account | None:
        """Insert an account and the identities of its address and phone; None if one of them or its id is taken."""
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
            new_account.role,
            new_account.is_anonymous,
            new_account.has_email_identity,
        )
        account = await self.find_by_id(transaction, new_account.id) if inserted_id else None
        if account is not None:
            for hook in self.hooks:
                await hook.on_created(transaction, account)
        return account

    async def update(self, transaction: Transaction, before: Account, **changes: object) -> Account:
        """Set columns of an account and return the updated account.

        A changed address becomes the identity `email`. An address or phone number that is confirmed ends that an
        account is anonymous.
        """
        return await self._update(transaction, before, changes, has_email_identity=True)

    async def update_of_provider(self, transaction: Transaction, before: Account, **changes: object) -> Account:
        """Set columns to what a provider states, as `update` does; the address becomes no identity of its own."""
        return await self._update(transaction, before, changes, has_email_identity=False)

    async def _update(
        self, transaction: Transaction, before: Account, changes: dict[str, object], *, has_email_identity: bool
    ) -> Account:
        if before.is_anonymous and (changes.get("email_confirmed_at") or changes.get("phone_confirmed_at")):
            changes = {"is_anonymous": False, **changes}
        assignments = ", ".join(
            f"{column} = ${number}{_COLUMN_CASTS[column]}" for number, column in enumerate(changes, 2)
        )
        binds = [
            serialize_metadata(value, column) if isinstance(value, Mapping) else value
            for column, value in changes.items()
        ]
        await transaction.execute(
            f"update auth.users set {assignments}, "
            "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond') where id = $1",
            before.id,
            *binds,
        )
        if has_email_identity and changes.keys() & {"email", "email_confirmed_at"}:
            await transaction.execute(_SYNC_EMAIL_IDENTITY, before.id)
        if changes.keys() & {"phone", "phone_confirmed_at"}:
            await transaction.execute(_SYNC_PHONE_IDENTITY, before.id)
        after = await self.find_by_id(transaction, before.id)
        # Only this actor deletes accounts, and the update has locked the row.
        assert after is not None
        return await self._run_changed_hooks(transaction, before, after)

    async def delete(self, transaction: Transaction, account: Account) -> None:
        """Delete an account and, by its foreign keys, everything that belongs to it."""
        await transaction.execute("delete from auth.users where id = $1", account.id)

    async def anonymize(self, transaction: Transaction, account: Account, now: datetime) -> None:
        """Mark an account as deleted and remove all personal data, keeping the row for foreign keys."""
        for statement in _DELETE_PERSONAL_ROWS:
            await transaction.execute(statement, account.id)
        await transaction.execute(_ANONYMIZE_ACCOUNT, account.id, now)
        anonymized = replace(account, email=None, phone=None, user_metadata={}, email_confirmed_at=None, deleted_at=now)
        await self._run_changed_hooks(transaction, account, anonymized)

    async def _run_changed_hooks(self, transaction: Transaction, before: Account, after: Account) -> Account:
        # A new address is no new name, although the name may once have been made from the old address.
        previous_name = before.name if after.deleted_at else display_name(before.user_metadata, after.email)
        has_changed = {
            "email": before.email != after.email,
            "name": previous_name != after.name,
            "verified": before.is_verified != after.is_verified,
            "provisional": before.is_provisional != after.is_provisional,
        }
        after = replace(after, changes=frozenset(name for name, changed in has_changed.items() if changed))
        if after.changes:
            for hook in self.hooks:
                await hook.on_changed(transaction, after)
        return after


def json_text(value: object) -> str:
    """Return a value as JSON text, as a `jsonb` bind takes it."""
    return orjson.dumps(value).decode()
