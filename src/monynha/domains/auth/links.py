"""Links that an admin asks for: to be mailed by us as an invitation, or handed over by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monynha.domains.auth.account import Account
from monynha.domains.auth.account_rows import Draft
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import EmailExists, UserNotFound, ValidationFailed
from monynha.domains.auth.one_time import Kind, OneTime
from monynha.domains.auth.parts import Parts
from monynha.infra.postgres.database import Transaction

_KINDS = {
    "signup": Kind.CONFIRMATION,
    "magiclink": Kind.MAGICLINK,
    "recovery": Kind.RECOVERY,
    "invite": Kind.INVITE,
    "email_change_current": Kind.EMAIL_CHANGE_CURRENT,
    "email_change_new": Kind.EMAIL_CHANGE_NEW,
}


@dataclass(frozen=True, slots=True)
class LinkWish:
    """What an admin wants a link for."""

    type: str
    email: str
    password: str | None = field(default=None, repr=False)
    new_email: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def invite(parts: Parts, email: str, data: Mapping[str, Any], redirect_to: str | None) -> Account:
    """Make an account for an address and mail it an invitation; EmailExists where it has one."""
    account, token = await make_link(parts, LinkWish("invite", email, data=data))
    await parts.post(token, redirect_to)
    return account


async def make_link(parts: Parts, wish: LinkWish) -> tuple[Account, OneTime]:
    """Return a one-time token of the wanted type and its account, which is made where the type makes one."""
    kind = _KINDS.get(wish.type)
    if kind is None:
        raise ValidationFailed(f"Invalid email action link type requested: {wish.type[:50]!r}")
    password_hash = None
    if kind is Kind.CONFIRMATION:
        if not wish.password:
            raise ValidationFailed("Signup requires a valid password")
        await parts.passwords.judge(wish.password, wish.email)
        password_hash = await parts.passwords.hash(wish.password)
    email = normal_email(wish.email)
    async with parts.transaction() as transaction:
        account = await parts.rows.by_email(transaction, email)
        if kind in (Kind.EMAIL_CHANGE_CURRENT, Kind.EMAIL_CHANGE_NEW):
            return await _change_link(parts, transaction, account, wish=wish, kind=kind)
        account = await _account(
            parts, transaction, account, wish=wish, kind=kind, password_hash=password_hash
        )
        return account, await parts.one_time.issue(transaction, account.id, kind, email)


async def _account(
    parts: Parts,
    transaction: Transaction,
    found: Account | None,
    *,
    wish: LinkWish,
    kind: Kind,
    password_hash: str | None,
) -> Account:
    if found is not None:
        # Somebody who was invited, or has not confirmed, may be sent another.
        if kind in (Kind.CONFIRMATION, Kind.INVITE) and found.is_verified:
            raise EmailExists()
        return found
    if kind is Kind.RECOVERY:
        raise UserNotFound()
    now = parts.now()
    draft = Draft(
        normal_email(wish.email),
        password_hash,
        invited_at=now if kind is Kind.INVITE else None,
        confirmation_sent_at=now,
        user_metadata=dict(wish.data),
    )
    made = await parts.rows.add(transaction, draft)
    if made is None:
        raise EmailExists()
    return made


async def _change_link(
    parts: Parts, transaction: Transaction, account: Account | None, *, wish: LinkWish, kind: Kind
) -> tuple[Account, OneTime]:
    if account is None:
        raise UserNotFound()
    if not wish.new_email:
        raise ValidationFailed("new_email is required")
    new = normal_email(wish.new_email)
    if await parts.rows.by_email(transaction, new) is not None:
        raise EmailExists()
    # Both links of one change are asked for one after the other: what is under way goes on.
    if account.new_email != new:
        account = await parts.rows.change(
            transaction,
            account,
            new_email=new,
            email_change_sent_at=parts.now(),
            email_change_is_half_done=False,
        )
    address = new if kind is Kind.EMAIL_CHANGE_NEW else account.email or ""
    return account, await parts.one_time.issue(transaction, account.id, kind, address)
