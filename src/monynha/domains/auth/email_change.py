"""Changing an account's address: at once, or once both addresses have agreed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.domains.auth.account import Account
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import AuthFault, EmailExists, OtpExpired
from monynha.domains.auth.one_time import Challenge, Kind, OneTime, Taken
from monynha.domains.auth.parts import Parts
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.faults import Violation

_BOTH = (Kind.EMAIL_CHANGE_CURRENT, Kind.EMAIL_CHANGE_NEW)
_DROP = "delete from auth.one_time_tokens where user_id = $1 and kind = any($2)"


@dataclass(frozen=True, slots=True)
class HalfDone:
    """One address has agreed to the change, the other has yet to."""


async def change_email(
    parts: Parts, user_id: UUID, email: str, *, redirect_to: str | None = None
) -> Account | None:
    """Give an account a new address: at once where accounts count at once, else by mails to both addresses.

    Raises Invalid for no address, EmailExists for a taken one where it would count at once.
    Returns None where there is no such account.
    """
    normal = normal_email(email)
    async with parts.transaction() as transaction:
        account = await parts.rows.by_id(transaction, user_id)
        if account is None:
            return None
        account, tokens = await start_change(parts, transaction, account, normal)
    for token in tokens:
        await parts.post(token, redirect_to)
    return account


async def start_change(
    parts: Parts,
    transaction: Transaction,
    account: Account,
    email: str,
    *,
    challenge: Challenge | None = None,
) -> tuple[Account, list[OneTime]]:
    """Change the address, or make the tokens that will; the caller mails them after the commit."""
    if email == account.email:
        return account, []
    if parts.autoconfirm:
        return await _set(parts, transaction, account, email), []
    now, issue = parts.now(), parts.one_time.issue
    await transaction.run(_DROP, account.id, [kind.value for kind in _BOTH])
    tokens: list[OneTime] = []
    if account.email:
        current = Kind.EMAIL_CHANGE_CURRENT
        tokens.append(await issue(transaction, account.id, current, account.email, challenge=challenge))
    # A taken address is answered as a free one; its owner alone could agree, and is not asked.
    if await parts.rows.by_email(transaction, email) is None:
        tokens.append(await issue(transaction, account.id, Kind.EMAIL_CHANGE_NEW, email, challenge=challenge))
    changed = await parts.rows.change(
        transaction, account, new_email=email, email_change_sent_at=now, email_change_is_half_done=False
    )
    return changed, tokens


async def confirm_change(
    parts: Parts, transaction: Transaction, account: Account, taken: Taken
) -> Account | HalfDone | AuthFault:
    """Note that one of the addresses agrees, and change it once both do."""
    wanted = account.new_email
    asked = account.email if taken.kind is Kind.EMAIL_CHANGE_CURRENT else wanted
    if wanted is None or taken.address != asked:
        return OtpExpired()
    if account.email and not account.email_change_is_half_done:
        await parts.rows.change(transaction, account, email_change_is_half_done=True)
        return HalfDone()
    return await _set(parts, transaction, account, wanted)


async def _set(parts: Parts, transaction: Transaction, account: Account, email: str) -> Account:
    await transaction.run(_DROP, account.id, [kind.value for kind in Kind])
    try:
        return await parts.rows.change(
            transaction,
            account,
            email=email,
            email_confirmed_at=parts.now(),
            new_email=None,
            email_change_is_half_done=False,
        )
    except Violation as violation:
        if violation.kind == "unique":
            raise EmailExists() from None
        raise
