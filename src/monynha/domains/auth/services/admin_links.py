"""Links that an admin asks for: to be mailed by us as an invitation, or handed over by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import EmailExistsError, InvalidAuthRequestError, UserNotFoundError
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, TokenKind
from monynha.infra.postgres.database import Transaction

_TOKEN_KINDS = {
    "signup": TokenKind.CONFIRMATION,
    "magiclink": TokenKind.MAGICLINK,
    "recovery": TokenKind.RECOVERY,
    "invite": TokenKind.INVITE,
    "email_change_current": TokenKind.EMAIL_CHANGE_CURRENT,
    "email_change_new": TokenKind.EMAIL_CHANGE_NEW,
}


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What an admin wants a link for."""

    type: str
    email: str
    password: str | None = field(default=None, repr=False)
    new_email: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def invite(parts: AuthContext, email: str, data: Mapping[str, Any], redirect_to: str | None) -> Account:
    """Make an account for an address and mail it an invitation; EmailExists where it has one."""
    account, token = await generate_link(parts, LinkRequest("invite", email, data=data))
    await parts.send_token_email(token, redirect_to)
    return account


async def generate_link(parts: AuthContext, request: LinkRequest) -> tuple[Account, OneTimeToken]:
    """Return a one-time token of the wanted type and its account, which is made where the type makes one."""
    kind = _TOKEN_KINDS.get(request.type)
    if kind is None:
        raise InvalidAuthRequestError(f"Invalid email action link type requested: {request.type[:50]!r}")
    password_hash = None
    if kind is TokenKind.CONFIRMATION:
        if not request.password:
            raise InvalidAuthRequestError("Signup requires a valid password")
        await parts.passwords.validate(request.password, request.email)
        password_hash = await parts.passwords.hash(request.password)
    email = normalize_email(request.email)
    async with parts.transaction() as transaction:
        account = await parts.repository.find_by_email(transaction, email)
        if kind in (TokenKind.EMAIL_CHANGE_CURRENT, TokenKind.EMAIL_CHANGE_NEW):
            return await _email_change_link(parts, transaction, account, request=request, kind=kind)
        account = await _find_or_create_account(
            parts, transaction, account, request=request, kind=kind, password_hash=password_hash
        )
        return account, await parts.one_time_tokens.issue(transaction, account.id, kind, email)


async def _find_or_create_account(
    parts: AuthContext,
    transaction: Transaction,
    existing: Account | None,
    *,
    request: LinkRequest,
    kind: TokenKind,
    password_hash: str | None,
) -> Account:
    if existing is not None:
        # Somebody who was invited, or has not confirmed, may be sent another.
        if kind in (TokenKind.CONFIRMATION, TokenKind.INVITE) and existing.is_verified:
            raise EmailExistsError()
        return existing
    if kind is TokenKind.RECOVERY:
        raise UserNotFoundError()
    now = parts.now()
    new_account = NewAccount(
        normalize_email(request.email),
        password_hash,
        invited_at=now if kind is TokenKind.INVITE else None,
        confirmation_sent_at=now,
        user_metadata=dict(request.data),
    )
    created = await parts.repository.insert(transaction, new_account)
    if created is None:
        raise EmailExistsError()
    return created


async def _email_change_link(
    parts: AuthContext,
    transaction: Transaction,
    account: Account | None,
    *,
    request: LinkRequest,
    kind: TokenKind,
) -> tuple[Account, OneTimeToken]:
    if account is None:
        raise UserNotFoundError()
    if not request.new_email:
        raise InvalidAuthRequestError("new_email is required")
    new_email = normalize_email(request.new_email)
    if await parts.repository.find_by_email(transaction, new_email) is not None:
        raise EmailExistsError()
    # Both links of one change are asked for one after the other: what is under way goes on.
    if account.new_email != new_email:
        account = await parts.repository.update(
            transaction,
            account,
            new_email=new_email,
            email_change_sent_at=parts.now(),
            is_email_change_half_confirmed=False,
        )
    email = new_email if kind is TokenKind.EMAIL_CHANGE_NEW else account.email or ""
    return account, await parts.one_time_tokens.issue(transaction, account.id, kind, email)
