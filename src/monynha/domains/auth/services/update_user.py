"""Update-user service: what users change of their own account (metadata, password, email address, phone number)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_own_event
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import (
    AuthError,
    CurrentPasswordInvalidError,
    InvalidAuthRequestError,
    ReauthenticationNotValidError,
    SamePasswordError,
    TokenUserNotFoundError,
)
from monynha.domains.auth.phone.phone_number import normalize_phone
from monynha.domains.auth.services.email_change import EmailChangeService
from monynha.domains.auth.services.phone_change import PhoneChangeService
from monynha.domains.auth.services.sessions import SessionService, SignOutScope
from monynha.domains.auth.tokens.one_time_tokens import (
    OneTimeTokenStore,
    PkceChallenge,
    TokenKind,
)
from monynha.infra.postgres.database import Transaction

_FRESH_SESSION = timedelta(hours=24)
_SELECT_SESSION = "select created_at, amr from auth.sessions where id = $1"


class PasswordOfAnonymousUserError(InvalidAuthRequestError):
    """Updating password of an anonymous user without an email or phone is not allowed"""

    status = 422


class ReauthenticationNeededError(AuthError):
    """Password update requires reauthentication"""

    code = "reauthentication_needed"


class CurrentPasswordRequiredError(AuthError):
    """Current password required when setting new password."""

    code = "current_password_required"


@dataclass(frozen=True, slots=True)
class UserAttributes:
    """What a user wants to change of their account; None keeps a value."""

    email: str | None = None
    phone: str | None = None
    password: str | None = field(default=None, repr=False)
    current_password: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)
    data: Mapping[str, object] | None = None
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordChangePolicy:
    """What a change of the password needs besides an access token."""

    require_reauthentication: bool = False
    """A code from `send_reauthentication_code`, in a session that is older than a day."""
    require_current_password: bool = False
    """The current password, unless the session began by recovery."""


@dataclass(frozen=True, kw_only=True)
class UpdateUserService:
    """Changes accounts for their owners."""

    repository: AccountRepository
    passwords: PasswordHasher
    one_time_tokens: OneTimeTokenStore
    sessions: SessionService
    email_changes: EmailChangeService
    phone_changes: PhoneChangeService
    mailer: AuthMailer
    security_notices: SecurityNotices
    clock: Clock
    password_changes: PasswordChangePolicy

    async def update(self, account: Account, session_id: UUID | None, attributes: UserAttributes) -> Account:
        """Change the account and return it; a new password ends all other sessions.

        Raise ValidationFailedError or an AuthError for attributes that are not valid.
        """
        email = normalize_email(attributes.email) if attributes.email else None
        phone = normalize_phone(attributes.phone) if attributes.phone else None
        password_hash = None
        if attributes.password is not None:
            if account.is_anonymous and not email and not phone:
                raise PasswordOfAnonymousUserError()
            password_hash = await self._new_password_hash(account, session_id, attributes.password, attributes)
        async with self.repository.transaction() as transaction:
            outcome = await self._update_in_transaction(
                transaction,
                account.id,
                replace(attributes, email=email, phone=phone),
                password_hash=password_hash,
                session_id=session_id,
            )
        # Raised after the commit, which keeps the count of wrong nonces.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def send_reauthentication_code(self, account: Account, *, locale: str | None = None) -> None:
        """Send the code that a change of the password may carry as its `nonce`: by mail, else by text message."""
        address = _reauthentication_address(account)
        messages = self.phone_changes.messages
        is_by_phone = not account.email
        if is_by_phone:
            messages.require_reachable(address)
        async with self.repository.transaction() as transaction:
            account = await self.repository.update(transaction, account, reauthentication_sent_at=self.clock())
            token = await self.one_time_tokens.issue(
                transaction,
                account.id,
                TokenKind.REAUTHENTICATION,
                address,
                code=messages.new_code(address) if is_by_phone else None,
                ttl=messages.code_ttl if is_by_phone else None,
            )
            await record_own_event(transaction, "reauthentication.requested", account)
            if is_by_phone:
                await messages.queue_code(transaction, account, address, token.code)
            else:
                await self.mailer.queue_token(transaction, token, account, locale=locale)

    async def _new_password_hash(
        self, account: Account, session_id: UUID | None, password: str, attributes: UserAttributes
    ) -> str:
        await self._require_fresh_session(session_id, attributes)
        await self.passwords.validate(password, account.email or account.phone or "", account.name)
        current_hash = account.password_hash
        current_password = attributes.current_password
        if current_hash and not current_password and await self._requires_current_password(session_id):
            raise CurrentPasswordRequiredError()
        if current_password is not None and not await self._is_correct(current_password, current_hash):
            async with self.repository.transaction() as transaction:
                await record_own_event(transaction, "password_change.failed", account)
            raise CurrentPasswordInvalidError()
        if current_hash and await self._is_correct(password, current_hash):
            raise SamePasswordError()
        return await self.passwords.hash(password)

    async def _require_fresh_session(self, session_id: UUID | None, attributes: UserAttributes) -> None:
        if not self.password_changes.require_reauthentication or attributes.nonce is not None:
            return
        created_at, _ = await self._session(session_id)
        if created_at is None or self.clock() - created_at > _FRESH_SESSION:
            raise ReauthenticationNeededError()

    async def _requires_current_password(self, session_id: UUID | None) -> bool:
        if not self.password_changes.require_current_password:
            return False
        _, methods = await self._session(session_id)
        return "recovery" not in methods

    async def _session(self, session_id: UUID | None) -> tuple[datetime | None, tuple[str, ...]]:
        """Return when the session began, and the methods by which its user has authenticated."""
        async with self.repository.transaction() as transaction:
            row = await transaction.fetch_row(_SELECT_SESSION, session_id)
        if row is None:
            return None, ()
        return row["created_at"], tuple(entry.get("method", "") for entry in orjson.loads(row["amr"]))

    async def _is_correct(self, password: str, stored_hash: str | None) -> bool:
        return (await self.passwords.verify(password, stored_hash)).is_correct

    async def _update_in_transaction(
        self,
        transaction: Transaction,
        user_id: UUID,
        attributes: UserAttributes,
        *,
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
            await self.security_notices.queue(transaction, account, SecurityNotice.PASSWORD_CHANGED)
            await self.sessions.end(transaction, account.id, session_id, SignOutScope.OTHERS)
        if changes:
            account = await self.repository.update(transaction, account, **changes)
        if attributes.phone is not None:
            account = await self.phone_changes.start(transaction, account, attributes.phone)
        if attributes.email is None:
            return account
        return await self.email_changes.start(
            transaction,
            account,
            attributes.email,
            challenge=attributes.challenge,
            redirect_to=attributes.redirect_to,
            locale=attributes.locale,
        )

    async def _is_valid_nonce(self, transaction: Transaction, account: Account, nonce: str | None) -> bool:
        """Whether the nonce is a code that was sent, or there is none: `_require_fresh_session` asks for it."""
        if nonce is None:
            return True
        token = await self.one_time_tokens.consume_code(
            transaction, account.email or account.phone or "", nonce, (TokenKind.REAUTHENTICATION,), user_id=account.id
        )
        return token is not None


def _reauthentication_address(account: Account) -> str:
    """Return where the code goes; raise InvalidAuthRequestError if the account has no confirmed address or number."""
    if account.email:
        return account.email
    if account.phone and account.is_phone_verified:
        return account.phone
    raise InvalidAuthRequestError("Reauthentication requires the user to have an email or a phone number")
