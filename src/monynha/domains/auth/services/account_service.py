"""Accounts as the rest of the program sees them: sign up, and what the command line does."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import NotFoundError, ValidationFailedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import UserAlreadyExistsError, WeakPasswordError
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.services.email_change import change_email
from monynha.domains.auth.services.rate_limits import AuthRateLimits
from monynha.domains.auth.services.sessions import ClientInfo, SignOutScope
from monynha.domains.auth.services.sign_up import SignUpRequest, sign_up, validate_credentials

ADMIN_METADATA = {"role": "admin"}


@dataclass(frozen=True)
class AccountService:
    """What others may ask of accounts; it raises the faults of core/errors alone."""

    parts: AuthContext
    rate_limits: AuthRateLimits

    async def sign_up(self, request: SignUpRequest, client: ClientInfo) -> Account:
        """Make an account and its profile; counted as a try to sign in.

        What it returns is the answer, not always a row: where sign-ups are confirmed by mail, a taken address
        is answered as a new one. Raises Invalid (by field), Conflict(email=…), RateLimited.
        """
        await self.rate_limits.count_sign_in(client.ip, request.email)
        if not self.parts.autoconfirm:
            await self.rate_limits.count_email(request.email)
        return await sign_up(self.parts, request)

    async def password_problems(self, password: str) -> dict[str, object]:
        """Return what is wrong with a password, by field; nothing where it will do."""
        try:
            await self.parts.passwords.validate(password)
        except WeakPasswordError as error:
            return error.details
        return {}

    async def change_email(self, user_id: UUID, email: str) -> Account | None:
        """Give an account a new address, at once or once both addresses have confirmed it by mail.

        Raises Invalid for no address, EmailExists for a taken one where it would count at once, RateLimited.
        """
        await self.rate_limits.count_email_change(user_id)
        if not self.parts.autoconfirm:
            await self.rate_limits.count_email(email)
        return await change_email(self.parts, user_id, email)

    async def set_password(self, email: str, password: str) -> Account:
        """Give an account a new password and end all its sessions; NotFound for an unknown address."""
        normalized_email = await validate_credentials(self.parts.passwords, email, password)
        password_hash = await self.parts.passwords.hash(password)
        async with self.parts.transaction() as transaction:
            account = await self.parts.repository.find_by_email(transaction, normalized_email)
            if account is None:
                raise NotFoundError(f"There is no account with the address {normalized_email}.")
            await self.parts.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
            return await self.parts.repository.update(transaction, account, password_hash=password_hash)

    async def exists(self, email: str) -> bool:
        """Whether there is an account with the address."""
        async with self.parts.transaction() as transaction:
            return await self.parts.repository.find_by_email(transaction, normalize_email(email)) is not None

    async def create_confirmed(self, email: str, password: str, name: str) -> Account:
        """Make an account whose address counts as confirmed; Conflict for a taken one."""
        normalized_email = await validate_credentials(self.parts.passwords, email, password, name)
        password_hash = await self.parts.passwords.hash(password)
        new_account = NewAccount(
            normalized_email, password_hash, email_confirmed_at=self.parts.now(), user_metadata={"name": name}
        )
        async with self.parts.transaction() as transaction:
            account = await self.parts.repository.insert(transaction, new_account)
        if account is None:
            raise UserAlreadyExistsError()
        return account

    async def grant_admin_role(self, email: str, password: str | None) -> Account:
        """Make the account a system admin; where there is none, make one, which takes a password."""
        normalized_email = (
            await validate_credentials(self.parts.passwords, email, password) if password else normalize_email(email)
        )
        password_hash = await self.parts.passwords.hash(password) if password else None
        async with self.parts.transaction() as transaction:
            account = await self.parts.repository.find_by_email(transaction, normalized_email)
            if account is None:
                if password_hash is None:
                    raise ValidationFailedError(password="is needed for a new account")
                new_account = NewAccount(
                    normalized_email,
                    password_hash,
                    email_confirmed_at=self.parts.now(),
                    app_metadata=ADMIN_METADATA,
                )
                created = await self.parts.repository.insert(transaction, new_account)
                if created is None:
                    raise ValidationFailedError(email="was taken this moment, try again")
                return created
            changes: dict[str, object] = {"app_metadata": merge_metadata(account.app_metadata, ADMIN_METADATA)}
            if password_hash:
                changes["password_hash"] = password_hash
                await self.parts.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
            if not account.is_verified:
                changes["email_confirmed_at"] = self.parts.now()
            return await self.parts.repository.update(transaction, account, **changes)
