"""Identities of an account: adds one of a further provider, and removes one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.clock import Clock
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account, Identity
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.security_notices import SecurityNotice
from monynha.domains.auth.errors import EmailExistsError, TokenSessionNotFoundError, TokenUserNotFoundError
from monynha.domains.auth.providers.account_linking import AccountLinking
from monynha.domains.auth.providers.catalog import display_name
from monynha.domains.auth.providers.errors import (
    IdentityEmailConflictError,
    IdentityExistsError,
    IdentityNotFoundError,
    LastIdentityError,
    ManualLinkingDisabledError,
    ProviderEmailUnverifiedError,
)
from monynha.domains.auth.providers.identity_repository import IdentityRepository, provider_metadata
from monynha.domains.auth.providers.provider import ProviderProfile
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_EMAIL = "email"
_PHONE = "phone"


@dataclass(frozen=True, kw_only=True)
class IdentityService:
    """Adds and removes identities, for the signed-in user."""

    accounts: AccountRepository
    identities: IdentityRepository
    linking: AccountLinking
    clock: Clock
    is_enabled: bool

    def require_enabled(self) -> None:
        """Raise ManualLinkingDisabledError where people may not do this (`MONYNHA_MANUAL_LINKING`)."""
        if not self.is_enabled:
            raise ManualLinkingDisabledError()

    async def link(
        self,
        transaction: Transaction,
        user_id: UUID,
        session_id: UUID | None,
        provider: str,
        profile: ProviderProfile,
    ) -> Account:
        """Add an identity to the account whose user is signed in, and return the account.

        Raise IdentityExistsError for an identity that is already somebody's, TokenSessionNotFoundError where the
        user has signed out.
        """
        self.require_enabled()
        holder = await self.identities.find_account(transaction, provider, profile)
        if holder is not None:
            suffix = "" if holder.id == user_id else " to another user"
            raise IdentityExistsError(f"Identity is already linked{suffix}")
        await self.accounts.find_for_update(transaction, user_id)
        account, is_live = await self.accounts.find_by_session(transaction, user_id, session_id)
        if account is None:
            raise TokenUserNotFoundError()
        if not is_live:
            raise TokenSessionNotFoundError()
        await self.identities.insert(transaction, user_id, provider, profile, self.clock())
        await self.linking.report_linked(transaction, account, provider)
        providers = [*(identity.provider for identity in account.identities), provider]
        changes: dict[str, object] = {"app_metadata": provider_metadata(account.app_metadata, providers)}
        if account.email is None:
            changes |= await self._address(transaction, profile)
        return await self._update(transaction, account, EmailExistsError(), changes)

    async def unlink(self, user_id: UUID, identity_id: UUID) -> None:
        """Remove an identity of an account; raise LastIdentityError for the only one, IdentityNotFoundError.

        An address that only this identity has proven is replaced by that of another one; without the identity
        `email` the account has no password.
        """
        self.require_enabled()
        async with self.accounts.transaction() as transaction:
            # Locked, so that two requests do not remove the last two.
            account = await self.accounts.find_for_update(transaction, user_id)
            if account is None:
                raise TokenUserNotFoundError()
            if len(account.identities) <= 1:
                raise LastIdentityError()
            removed = next((item for item in account.identities if item.identity_id == identity_id), None)
            if removed is None:
                raise IdentityNotFoundError()
            await self.identities.delete(transaction, account, identity_id)
            await record_audit_event(
                transaction,
                "identity.unlinked",
                actor_id=account.id,
                target_type="user",
                target_id=str(account.id),
                details={"provider": removed.provider},
            )
            await self.linking.security_notices.queue(
                transaction, account, SecurityNotice.IDENTITY_UNLINKED, {"name": display_name(removed.provider)}
            )
            remaining = [identity for identity in account.identities if identity is not removed]
            await self._update(
                transaction, account, IdentityEmailConflictError(), self._changes_without(account, removed, remaining)
            )

    def _changes_without(self, account: Account, removed: Identity, remaining: list[Identity]) -> dict[str, object]:
        providers = [identity.provider for identity in remaining]
        changes: dict[str, object] = {"app_metadata": provider_metadata(account.app_metadata, providers)}
        if removed.provider == _PHONE:
            return {**changes, "phone": None, "phone_confirmed_at": None}
        if removed.provider == _EMAIL:
            changes["password_hash"] = None
        addresses = [address for identity in remaining if (address := _verified_address(identity, account))]
        if addresses and account.email not in addresses:
            changes |= {"email": addresses[0], "email_confirmed_at": self.clock()}
        return changes

    async def _address(self, transaction: Transaction, profile: ProviderProfile) -> dict[str, object]:
        """Return the columns of a first address: an anonymous user becomes a lasting one."""
        if profile.email is None or not profile.is_email_verified:
            raise ProviderEmailUnverifiedError()
        if not await self.linking.free_address(transaction, profile):
            raise EmailExistsError()
        return {"email": profile.email, "email_confirmed_at": self.clock(), "is_anonymous": False}

    async def _update(
        self, transaction: Transaction, account: Account, conflict: Exception, changes: dict[str, object]
    ) -> Account:
        try:
            return await self.accounts.update_of_provider(transaction, account, **changes)
        except ConstraintViolationError as error:
            if error.kind == "unique":
                raise conflict from None
            raise


def _verified_address(identity: Identity, account: Account) -> str | None:
    """Return the address that an identity proves."""
    if identity.provider == _EMAIL:
        return account.email if account.is_verified else None
    data = identity.identity_data
    email = data.get("email")
    return email if isinstance(email, str) and email and data.get("email_verified") is True else None
