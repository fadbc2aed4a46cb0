"""Account service: what the API's other domains and the command line do with accounts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.errors import NotFoundError, ValidationFailedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_event_of
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import UserAlreadyExistsError, WeakPasswordError
from monynha.domains.auth.services.email_change import EmailChangeService
from monynha.domains.auth.services.rate_limits import AuthRateLimits
from monynha.domains.auth.services.sessions import ClientInfo, SessionService, SignOutScope
from monynha.domains.auth.services.sign_up import SignUpRequest, SignUpService

ADMIN_METADATA = {"role": "admin"}
"""The app metadata that makes an account a system admin."""


@dataclass(frozen=True, kw_only=True)
class AccountService:
    """Signs up, changes and administers accounts, rate limited where a client is behind it."""

    repository: AccountRepository
    passwords: PasswordHasher
    sessions: SessionService
    sign_ups: SignUpService
    email_changes: EmailChangeService
    rate_limits: AuthRateLimits
    security_notices: SecurityNotices
    clock: Clock

    async def sign_up(self, request: SignUpRequest, client: ClientInfo) -> Account:
        """Create an account and its profile; counted as a sign-in attempt.

        Where sign-ups are confirmed by email, the returned account need not exist: a registered address gets
        the response of a new one. Raise ValidationFailedError with the problems by field, ConflictError on
        `email`, RateLimitedError, or SignUpDisabledError.
        """
        self.sign_ups.require_enabled()
        await self.rate_limits.count_sign_in(client.ip, request.email)
        if not self.sign_ups.autoconfirm:
            await self.rate_limits.count_email(request.email)
        return await self.sign_ups.sign_up(request)

    async def password_problems(self, password: str) -> dict[str, object]:
        """Return what is wrong with a password, by field; empty where it is acceptable."""
        try:
            await self.passwords.validate(password)
        except WeakPasswordError as error:
            return error.details
        return {}

    async def change_email(self, user_id: UUID, email: str, *, locale: str | None = None) -> Account | None:
        """Change the address of an account, at once or after both addresses have confirmed it by email.

        None for an unknown account. Raise ValidationFailedError for an invalid address, EmailExistsError for
        a registered one where the change is at once, or RateLimitedError.
        """
        await self.rate_limits.count_email_change(user_id)
        if not self.email_changes.autoconfirm:
            await self.rate_limits.count_email(email)
        return await self.email_changes.change_email(user_id, email, locale=locale)

    async def set_password(self, email: str, password: str) -> Account:
        """Set the password of an account and end all its sessions; NotFoundError for an unknown address."""
        normalized_email = await self.sign_ups.validate_credentials(email, password)
        password_hash = await self.passwords.hash(password)
        async with self.repository.transaction() as transaction:
            account = await self.repository.find_by_email(transaction, normalized_email)
            if account is None:
                raise NotFoundError(f"There is no account with the email address {normalized_email}.")
            await self.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
            await self.security_notices.queue(transaction, account, SecurityNotice.PASSWORD_CHANGED, shows_client=False)
            await record_event_of(transaction, "password.changed", account)
            return await self.repository.update(transaction, account, password_hash=password_hash)

    async def exists(self, email: str) -> bool:
        """Whether there is an account with the address."""
        async with self.repository.transaction() as transaction:
            return await self.repository.find_by_email(transaction, normalize_email(email)) is not None

    async def create_confirmed(self, email: str, password: str, name: str) -> Account:
        """Create an account whose address counts as confirmed; ConflictError for a registered address."""
        normalized_email = await self.sign_ups.validate_credentials(email, password, name)
        new_account = NewAccount(
            normalized_email,
            await self.passwords.hash(password),
            email_confirmed_at=self.clock(),
            user_metadata={"name": name},
        )
        async with self.repository.transaction() as transaction:
            account = await self.repository.insert(transaction, new_account)
            if account is None:
                raise UserAlreadyExistsError()
            await record_event_of(transaction, "user.created", account)
        return account

    async def grant_admin_role(self, email: str, password: str | None) -> Account:
        """Make an account a system admin; an unknown address gets a new account, which needs a password."""
        if password:
            normalized_email = await self.sign_ups.validate_credentials(email, password)
        else:
            normalized_email = normalize_email(email)
        password_hash = await self.passwords.hash(password) if password else None
        async with self.repository.transaction() as transaction:
            account = await self.repository.find_by_email(transaction, normalized_email)
            if account is None:
                if password_hash is None:
                    raise ValidationFailedError(password="is required for a new account")
                new_account = NewAccount(
                    normalized_email,
                    password_hash,
                    email_confirmed_at=self.clock(),
                    app_metadata=ADMIN_METADATA,
                )
                created = await self.repository.insert(transaction, new_account)
                if created is None:
                    raise ValidationFailedError(email="was registered a moment ago, please try again")
                await record_event_of(transaction, "user.created", created, {"role": ADMIN_METADATA["role"]})
                return created
            changes: dict[str, object] = {"app_metadata": merge_metadata(account.app_metadata, ADMIN_METADATA)}
            if password_hash:
                changes["password_hash"] = password_hash
                await self.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
            if not account.is_verified:
                # A password that was set before need not be that of the address's owner.
                changes = {"password_hash": None, **changes, "email_confirmed_at": self.clock()}
                await self.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
            return await self.repository.update(transaction, account, **changes)
