"""Changing an account's address: at once, or once both addresses have agreed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import AuthError, EmailExistsError, OtpExpiredError
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.tokens.one_time_tokens import ConsumedToken, OneTimeToken, PkceChallenge, TokenKind
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_EMAIL_CHANGE_KINDS = (TokenKind.EMAIL_CHANGE_CURRENT, TokenKind.EMAIL_CHANGE_NEW)
_DELETE_TOKENS = "delete from auth.one_time_tokens where user_id = $1 and kind = any($2)"


@dataclass(frozen=True, slots=True)
class EmailChangeHalfConfirmed:
    """One address has agreed to the change, the other has yet to."""


async def change_email(
    parts: AuthContext, user_id: UUID, email: str, *, redirect_to: str | None = None
) -> Account | None:
    """Give an account a new address: at once where accounts count at once, else by mails to both addresses.

    Raises Invalid for no address, EmailExists for a taken one where it would count at once.
    Returns None where there is no such account.
    """
    normalized_email = normalize_email(email)
    async with parts.transaction() as transaction:
        account = await parts.repository.find_by_id(transaction, user_id)
        if account is None:
            return None
        account, tokens = await start_change(parts, transaction, account, normalized_email)
    for token in tokens:
        await parts.send_token_email(token, redirect_to)
    return account


async def start_change(
    parts: AuthContext,
    transaction: Transaction,
    account: Account,
    email: str,
    *,
    challenge: PkceChallenge | None = None,
) -> tuple[Account, list[OneTimeToken]]:
    """Change the address, or make the tokens that will; the caller mails them after the commit."""
    if email == account.email:
        return account, []
    if parts.autoconfirm:
        return await _set_email(parts, transaction, account, email), []
    now, issue = parts.now(), parts.one_time_tokens.issue
    await transaction.execute(_DELETE_TOKENS, account.id, [kind.value for kind in _EMAIL_CHANGE_KINDS])
    tokens: list[OneTimeToken] = []
    if account.email:
        current = TokenKind.EMAIL_CHANGE_CURRENT
        tokens.append(await issue(transaction, account.id, current, account.email, challenge=challenge))
    # A taken address is answered as a free one; its owner alone could agree, and is not asked.
    if await parts.repository.find_by_email(transaction, email) is None:
        tokens.append(await issue(transaction, account.id, TokenKind.EMAIL_CHANGE_NEW, email, challenge=challenge))
    changed = await parts.repository.update(
        transaction, account, new_email=email, email_change_sent_at=now, is_email_change_half_confirmed=False
    )
    return changed, tokens


async def confirm_change(
    parts: AuthContext, transaction: Transaction, account: Account, token: ConsumedToken
) -> Account | EmailChangeHalfConfirmed | AuthError:
    """Note that one of the addresses agrees, and change it once both do."""
    new_email = account.new_email
    expected_email = account.email if token.kind is TokenKind.EMAIL_CHANGE_CURRENT else new_email
    if new_email is None or token.email != expected_email:
        return OtpExpiredError()
    if account.email and not account.is_email_change_half_confirmed:
        await parts.repository.update(transaction, account, is_email_change_half_confirmed=True)
        return EmailChangeHalfConfirmed()
    return await _set_email(parts, transaction, account, new_email)


async def _set_email(parts: AuthContext, transaction: Transaction, account: Account, email: str) -> Account:
    await transaction.execute(_DELETE_TOKENS, account.id, [kind.value for kind in TokenKind])
    try:
        return await parts.repository.update(
            transaction,
            account,
            email=email,
            email_confirmed_at=parts.now(),
            new_email=None,
            is_email_change_half_confirmed=False,
        )
    except ConstraintViolationError as violation:
        if violation.kind == "unique":
            raise EmailExistsError() from None
        raise
