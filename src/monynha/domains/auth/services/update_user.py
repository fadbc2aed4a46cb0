"""What people change of their own account: metadata, password, address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import (
    AuthError,
    CurrentPasswordInvalidError,
    InvalidAuthRequestError,
    ReauthenticationNotValidError,
    SamePasswordError,
    TokenUserNotFoundError,
)
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.services.email_change import start_change
from monynha.domains.auth.services.sessions import SignOutScope
from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, PkceChallenge, TokenKind
from monynha.infra.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class UserAttributes:
    """What somebody wants to change of their account; what is None stays."""

    email: str | None = None
    password: str | None = field(default=None, repr=False)
    current_password: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    data: Mapping[str, Any] | None = None
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None


async def update_user(
    parts: AuthContext, account: Account, session_id: UUID | None, attributes: UserAttributes
) -> Account:
    """Change an account as its owner wants; a new password ends all other sessions."""
    email = _normal(attributes.email) if attributes.email else None
    password_hash = await _new_password_hash(parts, account, attributes) if attributes.password is not None else None
    async with parts.transaction() as transaction:
        outcome = await _update_in_transaction(
            parts,
            transaction,
            account,
            attributes=attributes,
            email=email,
            password_hash=password_hash,
            session_id=session_id,
        )
    if isinstance(outcome, AuthError):
        raise outcome
    changed, tokens = outcome
    for token in tokens:
        await parts.send_token_email(token, attributes.redirect_to)
    return changed


async def send_reauthentication_code(parts: AuthContext, account: Account) -> None:
    """Mail a code that a change of the password may be asked to carry."""
    if not account.email:
        raise InvalidAuthRequestError("Reauthentication requires the user to have an email or a phone number")
    async with parts.transaction() as transaction:
        token = await parts.one_time_tokens.issue(transaction, account.id, TokenKind.REAUTHENTICATION, account.email)
        await parts.repository.update(transaction, account, reauthentication_sent_at=parts.now())
    await parts.send_token_email(token, None)


async def _new_password_hash(parts: AuthContext, account: Account, attributes: UserAttributes) -> str:
    password = attributes.password or ""
    await parts.passwords.validate(password, account.email or "", account.name)
    if attributes.current_password is not None:
        password_check = await parts.passwords.verify(attributes.current_password, account.password_hash)
        if not password_check.is_correct:
            raise CurrentPasswordInvalidError()
    if account.password_hash and (await parts.passwords.verify(password, account.password_hash)).is_correct:
        raise SamePasswordError()
    return await parts.passwords.hash(password)


async def _update_in_transaction(
    parts: AuthContext,
    transaction: Transaction,
    account: Account,
    *,
    attributes: UserAttributes,
    email: str | None,
    password_hash: str | None,
    session_id: UUID | None,
) -> tuple[Account, list[OneTimeToken]] | AuthError:
    # Locked, so that two changes of the metadata at once both last.
    await transaction.execute("select 1 from auth.users where id = $1 for update", account.id)
    current = await parts.repository.find_by_id(transaction, account.id)
    if current is None:
        return TokenUserNotFoundError()
    if attributes.nonce is not None and password_hash is not None:
        kinds = (TokenKind.REAUTHENTICATION,)
        current_email = current.email or ""
        if (
            await parts.one_time_tokens.consume_code(
                transaction, current_email, attributes.nonce, kinds, user_id=current.id
            )
            is None
        ):
            return ReauthenticationNotValidError()
    changes: dict[str, object] = {}
    if attributes.data is not None:
        changes["user_metadata"] = merge_metadata(current.user_metadata, attributes.data)
    if password_hash is not None:
        changes["password_hash"] = password_hash
        await parts.sessions.end(transaction, current.id, session_id, SignOutScope.OTHERS)
    if changes:
        current = await parts.repository.update(transaction, current, **changes)
    if email is None:
        return current, []
    return await start_change(parts, transaction, current, email, challenge=attributes.challenge)


def _normal(email: str) -> str:
    try:
        return normalize_email(email)
    except ValidationFailedError:
        raise InvalidAuthRequestError("Unable to validate email address: invalid format") from None
