"""Signing in with a password."""

from __future__ import annotations

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.passwords import PasswordCheck
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import BannedAtSignInError, EmailNotConfirmedError, InvalidCredentialsError
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession

_LOCK_IF_PASSWORD_UNCHANGED = (
    "select 1 from auth.users where id = $1 and password_hash = $2 and deleted_at is null for update"
)


async def sign_in(parts: AuthContext, email: str, password: str, client: ClientInfo) -> IssuedSession:
    """Open a session for the right password; a wrong one and an unknown address are refused alike."""
    # An imported hash takes another time to compare than ours, and so than an unknown address.
    async with equalize_duration(parts.response_step_s, only_failures=True):
        account = await _find_account(parts, email)
        password_check = await parts.passwords.verify(password, account.password_hash if account else None)
        if account is None or not password_check.is_correct:
            raise InvalidCredentialsError()
        if account.is_banned(parts.now()):
            raise BannedAtSignInError()
        if not account.is_verified:
            raise EmailNotConfirmedError()
        return await _create_session(parts, account, password_check, client)


async def _find_account(parts: AuthContext, email: str) -> Account | None:
    try:
        normalized_email = normalize_email(email)
    except ValidationFailedError:
        return None
    async with parts.transaction() as transaction:
        return await parts.repository.find_by_email(transaction, normalized_email)


async def _create_session(
    parts: AuthContext, account: Account, password_check: PasswordCheck, client: ClientInfo
) -> IssuedSession:
    async with parts.transaction() as transaction:
        # Whoever changed the password meanwhile ended all sessions, and this one is not to outlive that.
        if await transaction.fetch_value(_LOCK_IF_PASSWORD_UNCHANGED, account.id, account.password_hash) is None:
            raise InvalidCredentialsError()
        upgraded_hash = {"password_hash": password_check.new_hash} if password_check.new_hash else {}
        return await parts.sessions.create(transaction, account, client, method="password", **upgraded_hash)
