"""Sign-in service: checks an email address or phone number and a password, and creates a session."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from monynha.core.clock import Clock
from monynha.core.errors import ValidationFailedError
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.passwords import PasswordCheck, PasswordHasher
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import (
    AuthError,
    BannedAtSignInError,
    EmailNotConfirmedError,
    InvalidCredentialsError,
)
from monynha.domains.auth.phone.errors import PhoneNotConfirmedError
from monynha.domains.auth.phone.phone_number import normalize_phone
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService

_LOCK_IF_PASSWORD_UNCHANGED = """
select 1 from auth.users where id = $1 and password_hash = $2 and deleted_at is null for update
"""


@dataclass(frozen=True, kw_only=True)
class SignInService:
    """Signs users in by password."""

    repository: AccountRepository
    passwords: PasswordHasher
    sessions: SessionService
    clock: Clock
    response_step_s: float

    async def sign_in(self, email: str, password: str, client: ClientInfo) -> IssuedSession:
        """Create a session for the right password.

        Raise InvalidCredentialsError for a wrong password and, indistinguishably, for an unknown address;
        BannedAtSignInError or EmailNotConfirmedError where the password is right.
        """
        return await self._sign_in(self._find_by_email(email), password, client, EmailNotConfirmedError)

    async def sign_in_with_phone(self, phone: str, password: str, client: ClientInfo) -> IssuedSession:
        """Create a session for the right password, by phone number; raise as `sign_in` or PhoneNotConfirmedError."""
        return await self._sign_in(self._find_by_phone(phone), password, client, PhoneNotConfirmedError)

    async def _sign_in(
        self,
        find_account: Awaitable[Account | None],
        password: str,
        client: ClientInfo,
        not_confirmed: type[EmailNotConfirmedError] | type[PhoneNotConfirmedError],
    ) -> IssuedSession:
        # Comparing an imported hash takes another time than ours, and so than an unknown address.
        async with equalize_duration(self.response_step_s, only_failures=True):
            account = await find_account
            password_check = await self.passwords.verify(password, account.password_hash if account else None)
            if account is None or not password_check.is_correct:
                raise await self._record_failure(account, InvalidCredentialsError())
            if account.is_banned(self.clock()):
                raise await self._record_failure(account, BannedAtSignInError())
            is_by_email = not_confirmed is EmailNotConfirmedError
            if not (account.is_verified if is_by_email else account.is_phone_verified):
                raise await self._record_failure(account, not_confirmed())
            return await self._create_session(account, password_check, client)

    async def _find_by_phone(self, phone: str) -> Account | None:
        try:
            normalized_phone = normalize_phone(phone)
        except ValidationFailedError:
            return None
        async with self.repository.transaction() as transaction:
            return await self.repository.find_by_phone(transaction, normalized_phone)

    async def _find_by_email(self, email: str) -> Account | None:
        try:
            normalized_email = normalize_email(email)
        except ValidationFailedError:
            return None
        async with self.repository.transaction() as transaction:
            return await self.repository.find_by_email(transaction, normalized_email)

    async def _record_failure(self, account: Account | None, error: AuthError) -> AuthError:
        """Record a failed sign-in in a transaction of its own; one row, whether there is an account or not."""
        async with self.repository.transaction() as transaction:
            await record_audit_event(
                transaction,
                "sign_in.failed",
                actor_role="anon",
                target_type="user" if account else None,
                target_id=str(account.id) if account else None,
                details={"method": "password", "reason": error.code},
            )
        return error

    async def _create_session(
        self, account: Account, password_check: PasswordCheck, client: ClientInfo
    ) -> IssuedSession:
        async with self.repository.transaction() as transaction:
            # A password change in the meantime ended all sessions; this one must not survive it.
            unchanged = await transaction.fetch_value(_LOCK_IF_PASSWORD_UNCHANGED, account.id, account.password_hash)
            if unchanged is None:
                raise InvalidCredentialsError()
            upgraded_hash = {"password_hash": password_check.new_hash} if password_check.new_hash else {}
            return await self.sessions.create_in(transaction, account, client, method="password", **upgraded_hash)
