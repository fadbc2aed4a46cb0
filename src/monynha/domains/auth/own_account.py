"""What people change of their own account: metadata, password, address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from monynha.core.errors import Invalid
from monynha.domains.auth.account import Account
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.email_change import start_change
from monynha.domains.auth.faults import (
    AuthFault,
    CurrentPasswordInvalid,
    ReauthenticationNotValid,
    SamePassword,
    UserFromTokenNotFound,
    ValidationFailed,
)
from monynha.domains.auth.metadata import merged
from monynha.domains.auth.one_time import Challenge, Kind, OneTime
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.sessions import Scope
from monynha.infra.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to change of their account; what is None stays."""

    email: str | None = None
    password: str | None = field(default=None, repr=False)
    current_password: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    data: Mapping[str, Any] | None = None
    challenge: Challenge | None = None
    redirect_to: str | None = None


async def update_own(parts: Parts, account: Account, session_id: UUID | None, wanted: Wanted) -> Account:
    """Change an account as its owner wants; a new password ends all other sessions."""
    email = _normal(wanted.email) if wanted.email else None
    password_hash = await _new_hash(parts, account, wanted) if wanted.password is not None else None
    async with parts.transaction() as transaction:
        outcome = await _updated(
            parts,
            transaction,
            account,
            wanted=wanted,
            email=email,
            password_hash=password_hash,
            session=session_id,
        )
    if isinstance(outcome, AuthFault):
        raise outcome
    changed, tokens = outcome
    for token in tokens:
        await parts.post(token, wanted.redirect_to)
    return changed


async def ask_nonce(parts: Parts, account: Account) -> None:
    """Mail a code that a change of the password may be asked to carry."""
    if not account.email:
        raise ValidationFailed("Reauthentication requires the user to have an email or a phone number")
    async with parts.transaction() as transaction:
        token = await parts.one_time.issue(transaction, account.id, Kind.REAUTHENTICATION, account.email)
        await parts.rows.change(transaction, account, reauthentication_sent_at=parts.now())
    await parts.post(token, None)


async def _new_hash(parts: Parts, account: Account, wanted: Wanted) -> str:
    password = wanted.password or ""
    await parts.passwords.judge(password, account.email or "", account.name)
    if wanted.current_password is not None:
        checked = await parts.passwords.check(wanted.current_password, account.password_hash)
        if not checked.is_right:
            raise CurrentPasswordInvalid()
    if account.password_hash and (await parts.passwords.check(password, account.password_hash)).is_right:
        raise SamePassword()
    return await parts.passwords.hash(password)


async def _updated(
    parts: Parts,
    transaction: Transaction,
    account: Account,
    *,
    wanted: Wanted,
    email: str | None,
    password_hash: str | None,
    session: UUID | None,
) -> tuple[Account, list[OneTime]] | AuthFault:
    # Locked, so that two changes of the metadata at once both last.
    await transaction.run("select 1 from auth.users where id = $1 for update", account.id)
    current = await parts.rows.by_id(transaction, account.id)
    if current is None:
        return UserFromTokenNotFound()
    if wanted.nonce is not None and password_hash is not None:
        kinds = (Kind.REAUTHENTICATION,)
        address = current.email or ""
        if (
            await parts.one_time.take_code(transaction, address, wanted.nonce, kinds, user_id=current.id)
            is None
        ):
            return ReauthenticationNotValid()
    changes: dict[str, object] = {}
    if wanted.data is not None:
        changes["user_metadata"] = merged(current.user_metadata, wanted.data)
    if password_hash is not None:
        changes["password_hash"] = password_hash
        await parts.sessions.end(transaction, current.id, session, Scope.OTHERS)
    if changes:
        current = await parts.rows.change(transaction, current, **changes)
    if email is None:
        return current, []
    return await start_change(parts, transaction, current, email, challenge=wanted.challenge)


def _normal(email: str) -> str:
    try:
        return normal_email(email)
    except Invalid:
        raise ValidationFailed("Unable to validate email address: invalid format") from None
