"""What back offices do with accounts: make, find, change, ban, remove, and make links for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from monynha.domains.auth.account import COLUMNS, Account, account_of
from monynha.domains.auth.account_rows import Draft
from monynha.domains.auth.faults import EmailExists, UserNotFound, ValidationFailed
from monynha.domains.auth.metadata import merged
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.sessions import Scope
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.faults import Violation

_PAGE = f"""
select {COLUMNS} from auth.users as u
where u.deleted_at is null and ($3::text is null or strpos(u.email, $3) > 0)
order by u.created_at desc, u.id desc limit $1 offset $2
"""
_COUNT = """
select count(*) from auth.users as u
where u.deleted_at is null and ($1::text is null or strpos(u.email, $1) > 0)
"""
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?(?:h|ms|m|s))+")
_PIECE = re.compile(r"([\d.]+)(h|ms|m|s)")
_UNITS = {"h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_FOREVER = timedelta(days=365_000)


@dataclass(frozen=True, slots=True)
class Given:
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


async def create(parts: Parts, given: Given) -> Account:
    """Make an account as given, without a mail."""
    if not given.email and not given.phone:
        raise ValidationFailed("Cannot create a user without either an email or phone")
    now = parts.now()
    draft = Draft(
        given.email,
        await _hash(parts, given),
        phone=given.phone,
        email_confirmed_at=now if given.email and given.email_confirm else None,
        phone_confirmed_at=now if given.phone and given.phone_confirm else None,
        banned_until=banned_until(given.ban_duration, now),
        app_metadata=given.app_metadata or {},
        user_metadata=merged({}, given.user_metadata or {}),
        id=given.id or uuid4(),
    )
    async with parts.transaction() as transaction:
        account = await parts.rows.add(transaction, draft)
        if account is None:
            if given.id and await parts.rows.by_id(transaction, given.id):
                raise ValidationFailed("A user with this id exists already")
            raise EmailExists()
        return account


async def find(parts: Parts, id: UUID) -> Account:
    """Return the account, or raise UserNotFound."""
    async with parts.transaction() as transaction:
        return await _found(parts, transaction, id)


async def page(
    parts: Parts, *, number: int, size: int, holding: str | None = None
) -> tuple[Sequence[Account], int]:
    """Return one page of all accounts, the newest first, and how many there are."""
    async with parts.transaction() as transaction:
        total: int = await transaction.value(_COUNT, holding)
        rows = await transaction.rows(_PAGE, size, (number - 1) * size, holding)
    return [account_of(dict(row)) for row in rows], total


async def update(parts: Parts, id: UUID, given: Given) -> Account:
    """Change an account as given; a new password or a ban ends its sessions."""
    password_hash = await _hash(parts, given)
    async with parts.transaction() as transaction:
        await transaction.run("select 1 from auth.users where id = $1 for update", id)
        account = await _found(parts, transaction, id)
        changes = _changes(account, given, parts.now())
        if password_hash:
            changes["password_hash"] = password_hash
        if password_hash or changes.get("banned_until"):
            await parts.sessions.end(transaction, id, None, Scope.GLOBAL)
        if not changes:
            return account
        try:
            return await parts.rows.change(transaction, account, **changes)
        except Violation as violation:
            if violation.kind == "unique":
                raise EmailExists() from None
            raise


async def delete(parts: Parts, id: UUID, *, softly: bool) -> None:
    """Remove an account: all of it, or all but a bare row that others may refer to."""
    async with parts.transaction() as transaction:
        account = await _found(parts, transaction, id)
        if softly:
            await parts.rows.forget(transaction, account, parts.now())
        else:
            await parts.rows.remove(transaction, account)


def banned_until(text: str | None, now: datetime) -> datetime | None:
    """Return when a ban of that duration (`24h`, `1h30m`, `none`) ends."""
    if text is None or text == "none":
        return None
    if not _DURATION.fullmatch(text):
        raise ValidationFailed("invalid format for ban duration: use 300ms, 2h45m or none")
    length = timedelta()
    for number, unit in _PIECE.findall(text):
        length += min(timedelta(**{_UNITS[unit]: min(float(number), 1e7)}), _FOREVER)
    return now + min(length, _FOREVER)


async def _hash(parts: Parts, given: Given) -> str | None:
    if given.password and given.password_hash:
        raise ValidationFailed("Only a password or a password hash should be provided")
    if given.password_hash:
        if not parts.passwords.is_kept_form(given.password_hash):
            raise ValidationFailed("Password hash must be a valid bcrypt or argon2 hash")
        return given.password_hash
    if not given.password:
        return None
    await parts.passwords.judge(given.password, given.email or "")
    return await parts.passwords.hash(given.password)


async def _found(parts: Parts, transaction: Transaction, id: UUID) -> Account:
    account = await parts.rows.by_id(transaction, id)
    if account is None:
        raise UserNotFound()
    return account


def _changes(account: Account, given: Given, now: datetime) -> dict[str, object]:
    changes: dict[str, object] = {}
    if given.email and given.email != account.email:
        changes["email"] = given.email
    if given.email_confirm and (given.email or account.email) and not account.is_verified:
        changes["email_confirmed_at"] = now
    if given.phone and given.phone != account.phone:
        changes |= {"phone": given.phone, "phone_confirmed_at": now if given.phone_confirm else None}
    if given.user_metadata is not None:
        changes["user_metadata"] = merged(account.user_metadata, given.user_metadata)
    if given.app_metadata is not None:
        changes["app_metadata"] = merged(account.app_metadata, given.app_metadata)
    if given.ban_duration is not None:
        changes["banned_until"] = banned_until(given.ban_duration, now)
    return changes
