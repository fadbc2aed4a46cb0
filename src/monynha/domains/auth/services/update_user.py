"""Update-user service: what users change of their own account (metadata, password, email address)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_own_event
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import (
    AuthError,
    CurrentPasswordInvalidError,
    InvalidAuthRequestError,
    ReauthenticationNotValidError,
    SamePasswordError,
    TokenUserNotFoundError,
)
from monynha.domains.auth.services.email_change import EmailChangeService
from monynha.domains.auth.services.sessions import SessionService, SignOutScope
from monynha.domains.auth.tokens.one_time_tokens import (
    OneTimeTokenStore,
    PkceChallenge,
    TokenKind,
)
from monynha.infra.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class UserAttributes:
    """What a user wants to change of their account; None keeps a value."""

    email: str | None = None
    password: str | None = field(default=None, repr=False)
    current_password: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    data: Mapping[str, object] | None = None
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None
    locale: str | None = None


@dataclass(frozen=True, kw_only=True)
class UpdateUserService:
    """Changes accounts for their owners."""

    repository: AccountRepository
    passwords: PasswordHasher
    one_time_tokens: OneTimeTokenStore
    sessions: SessionService
    email_changes: EmailChangeService
    mailer: AuthMailer
    clock: Clock

    async def update(self, account: Account, session_id: UUID | None, attributes: UserAttributes) -> Account:
        """Change the account and return it; a new password ends all other sessions.

        Raise ValidationFailedError or an AuthError for attributes that are not valid.
        """
        email = normalize_email(attributes.email) if attributes.email else None
        password_hash = None
        if attributes.password is not None:
            password_hash = await self._new_password_hash(account, attributes.password, attributes)
        async with self.repository.transaction() as transaction:
            outcome = await self._update_in_transaction(
                transaction,
                account.id,
                attributes,
                email=email,
                password_hash=password_hash,
                session_id=session_id,
            )
        # Raised after the commit, which keeps the count of wrong nonces.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def send_reauthentication_code(self, account: Account, *, locale: str | None = None) -> None:
        """Mail the code that a change of the password may carry as its `nonce`."""
        if not account.email:
            raise InvalidAuthRequestError("Reauthentication requires the user to have an email or a phone number")
        async with self.repository.transaction() as transaction:
            token = await self.one_time_tokens.issue(transaction, account.id, TokenKind.REAUTHENTICATION, account.email)
            await self.repository.update(transaction, account, reauthentication_sent_at=self.clock())
            await record_own_event(transaction, "reauthentication.requested", account)
            await self.mailer.queue_token(transaction, token, account, locale=locale)

    async def _new_password_hash(self, account: Account, password: str, attributes: UserAttributes) -> str:
        await self.passwords.validate(password, account.email or "", account.name)
        current_hash = account.password_hash
        current_password = attributes.current_password
        if current_password is not None and not await self._is_correct(current_password, current_hash):
            async with self.repository.transaction() as transaction:
                await record_own_event(transaction, "password_change.failed", account)
            raise CurrentPasswordInvalidError()
        if current_hash and await self._is_correct(password, current_hash):
            raise SamePasswordError()
        return await self.passwords.hash(password)

    async def _is_correct(self, password: str, stored_hash: str | None) -> bool:
        return (await self.passwords.verify(password, stored_hash)).is_correct

    async def _update_in_transaction(
        self,
        transaction: Transaction,
        user_id: UUID,
        attributes: UserAttributes,
        *,
        email: str | None,
        password_hash: str | None,
        session_id: UUID | None,
    ) -> Account | AuthError:
        # Locked, so that neither of two concurrent changes of the metadata is lost.
        account = await self.repository.find_for_update(transaction, user_id)
        if account is None:
            return TokenUserNotFoundError()
        if password_hash is not None and not await self._is_valid_nonce(transaction, account, attributes.nonce):
            return ReauthenticationNotValidError()
        changes: dict[str, object] = {}
        if attributes.data is not None:
            changes["user_metadata"] = merge_metadata(account.user_metadata, attributes.data)
        if password_hash is not None:
            changes["password_hash"] = password_hash
            await record_own_event(transaction, "password.changed", account)
            await self.sessions.end(transaction, account.id, session_id, SignOutScope.OTHERS)
        if changes:
            account = await self.repository.update(transaction, account, **changes)
        if email is None:
            return account
        return await self.email_changes.start(
            transaction,
            account,
            email,
            challenge=attributes.challenge,
            redirect_to=attributes.redirect_to,
            locale=attributes.locale,
        )

    async def _is_valid_nonce(self, transaction: Transaction, account: Account, nonce: str | None) -> bool:
        """Whether the nonce is a code that was mailed, or there is none: it is optional."""
        if nonce is None:
            return True
        token = await self.one_time_tokens.consume_code(
            transaction, account.email or "", nonce, (TokenKind.REAUTHENTICATION,), user_id=account.id
        )
        return token is not None
