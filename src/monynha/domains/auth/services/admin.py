"""What back offices do with accounts: make, find, change, ban, remove, and make links for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from monynha.domains.auth.accounts.account import ACCOUNT_COLUMNS, Account, account_from_row
from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.errors import EmailExistsError, InvalidAuthRequestError, UserNotFoundError
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.services.sessions import SignOutScope
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_SELECT_PAGE = f"""
select {ACCOUNT_COLUMNS} from auth.users as u
where u.deleted_at is null and ($3::text is null or strpos(u.email, $3) > 0)
order by u.created_at desc, u.id desc limit $1 offset $2
"""
_COUNT_ACCOUNTS = """
select count(*) from auth.users as u
where u.deleted_at is null and ($1::text is null or strpos(u.email, $1) > 0)
"""
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?(?:h|ms|m|s))+")
_DURATION_PART = re.compile(r"([\d.]+)(h|ms|m|s)")
_DURATION_UNITS = {"h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_MAX_BAN = timedelta(days=365_000)


@dataclass(frozen=True, slots=True)
class AdminUserAttributes:
    """What an admin says of an account; what is None stays as it is."""

    email: str | None = None
    phone: str | None = None
    password: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    email_confirm: bool | None = None
    phone_confirm: bool | None = None
    user_metadata: Mapping[str, Any] | None = None
    app_metadata: Mapping[str, Any] | None = None
    ban_duration: str | None = None
    id: UUID | None = None


async def create(parts: AuthContext, attributes: AdminUserAttributes) -> Account:
    """Make an account as given, without a mail."""
    if not attributes.email and not attributes.phone:
        raise InvalidAuthRequestError("Cannot create a user without either an email or phone")
    now = parts.now()
    new_account = NewAccount(
        attributes.email,
        await _password_hash(parts, attributes),
        phone=attributes.phone,
        email_confirmed_at=now if attributes.email and attributes.email_confirm else None,
        phone_confirmed_at=now if attributes.phone and attributes.phone_confirm else None,
        banned_until=banned_until_from_duration(attributes.ban_duration, now),
        app_metadata=attributes.app_metadata or {},
        user_metadata=merge_metadata({}, attributes.user_metadata or {}),
        id=attributes.id or uuid4(),
    )
    async with parts.transaction() as transaction:
        account = await parts.repository.insert(transaction, new_account)
        if account is None:
            if attributes.id and await parts.repository.find_by_id(transaction, attributes.id):
                raise InvalidAuthRequestError("A user with this id exists already")
            raise EmailExistsError()
        return account


async def find(parts: AuthContext, id: UUID) -> Account:
    """Return the account, or raise UserNotFound."""
    async with parts.transaction() as transaction:
        return await _get_account(parts, transaction, id)


async def list_page(
    parts: AuthContext, *, number: int, size: int, email_filter: str | None = None
) -> tuple[Sequence[Account], int]:
    """Return one page of all accounts, the newest first, and how many there are."""
    async with parts.transaction() as transaction:
        total = await transaction.fetch_value(_COUNT_ACCOUNTS, email_filter)
        assert isinstance(total, int)  # count(*) is a bigint
        rows = await transaction.fetch_rows(_SELECT_PAGE, size, (number - 1) * size, email_filter)
    return [account_from_row(dict(row)) for row in rows], total


async def update(parts: AuthContext, id: UUID, attributes: AdminUserAttributes) -> Account:
    """Change an account as given; a new password or a ban ends its sessions."""
    password_hash = await _password_hash(parts, attributes)
    async with parts.transaction() as transaction:
        await transaction.execute("select 1 from auth.users where id = $1 for update", id)
        account = await _get_account(parts, transaction, id)
        changes = _changes(account, attributes, parts.now())
        if password_hash:
            changes["password_hash"] = password_hash
        if password_hash or changes.get("banned_until"):
            await parts.sessions.end(transaction, id, None, SignOutScope.GLOBAL)
        if not changes:
            return account
        try:
            return await parts.repository.update(transaction, account, **changes)
        except ConstraintViolationError as violation:
            if violation.kind == "unique":
                raise EmailExistsError() from None
            raise


async def delete(parts: AuthContext, id: UUID, *, keeps_row: bool) -> None:
    """Remove an account: all of it, or all but a bare row that others may refer to."""
    async with parts.transaction() as transaction:
        account = await _get_account(parts, transaction, id)
        if keeps_row:
            await parts.repository.anonymize(transaction, account, parts.now())
        else:
            await parts.repository.delete(transaction, account)


def banned_until_from_duration(text: str | None, now: datetime) -> datetime | None:
    """Return when a ban of that duration (`24h`, `1h30m`, `none`) ends."""
    if text is None or text == "none":
        return None
    if not _DURATION.fullmatch(text):
        raise InvalidAuthRequestError("invalid format for ban duration: use 300ms, 2h45m or none")
    duration = timedelta()
    for number, unit in _DURATION_PART.findall(text):
        duration += min(timedelta(**{_DURATION_UNITS[unit]: min(float(number), 1e7)}), _MAX_BAN)
    return now + min(duration, _MAX_BAN)


async def _password_hash(parts: AuthContext, attributes: AdminUserAttributes) -> str | None:
    if attributes.password and attributes.password_hash:
        raise InvalidAuthRequestError("Only a password or a password hash should be provided")
    if attributes.password_hash:
        if not parts.passwords.is_supported_hash(attributes.password_hash):
            raise InvalidAuthRequestError("Password hash must be a valid bcrypt or argon2 hash")
        return attributes.password_hash
    if not attributes.password:
        return None
    await parts.passwords.validate(attributes.password, attributes.email or "")
    return await parts.passwords.hash(attributes.password)


async def _get_account(parts: AuthContext, transaction: Transaction, id: UUID) -> Account:
    account = await parts.repository.find_by_id(transaction, id)
    if account is None:
        raise UserNotFoundError()
    return account


def _changes(account: Account, attributes: AdminUserAttributes, now: datetime) -> dict[str, object]:
    changes: dict[str, object] = {}
    if attributes.email and attributes.email != account.email:
        changes["email"] = attributes.email
    if attributes.email_confirm and (attributes.email or account.email) and not account.is_verified:
        changes["email_confirmed_at"] = now
    if attributes.phone and attributes.phone != account.phone:
        changes |= {
            "phone": attributes.phone,
            "phone_confirmed_at": now if attributes.phone_confirm else None,
        }
    if attributes.user_metadata is not None:
        changes["user_metadata"] = merge_metadata(account.user_metadata, attributes.user_metadata)
    if attributes.app_metadata is not None:
        changes["app_metadata"] = merge_metadata(account.app_metadata, attributes.app_metadata)
    if attributes.ban_duration is not None:
        changes["banned_until"] = banned_until_from_duration(attributes.ban_duration, now)
    return changes
