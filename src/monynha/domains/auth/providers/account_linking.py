"""Account linking: which account a person at a provider signs in to.

Accounts are joined by an address only when both sides have proven it: the provider states that it has verified it,
and ours was confirmed by somebody who received mail there. See docs/decisions/0026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core.clock import Clock
from monynha.core.errors import ConflictError, ValidationFailedError
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.accounts.metadata import serialize_metadata
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.providers.catalog import display_name
from monynha.domains.auth.providers.errors import (
    AddressNotProvenError,
    EmailNotProvidedError,
    ProviderEmailUnverifiedError,
)
from monynha.domains.auth.providers.identity_repository import IdentityRepository, provider_metadata
from monynha.domains.auth.providers.profiles import metadata_from_profile
from monynha.domains.auth.providers.provider import ProviderProfile
from monynha.domains.auth.services.sessions import SessionService, SignOutScope
from monynha.domains.auth.services.sign_up_gate import SignUpGate
from monynha.infra.postgres.database import Transaction

_ATTEMPTS = 3
_PICTURE = ("picture", "avatar_url")
_DELETE_ONE_TIME_TOKENS = "delete from auth.one_time_tokens where user_id = $1"


@dataclass(frozen=True, kw_only=True)
class AccountLinking:
    """Finds or creates the account of a person at a provider."""

    accounts: AccountRepository
    identities: IdentityRepository
    sessions: SessionService
    gate: SignUpGate
    security_notices: SecurityNotices
    clock: Clock
    autoconfirm: bool

    async def account_for(self, transaction: Transaction, provider: str, profile: ProviderProfile) -> Account:
        """Return the account that the person signs in to.

        Raise EmailNotProvidedError, ProviderEmailUnverifiedError, AddressNotProvenError, or SignUpDisabledError
        where the account would be new.
        """
        account = await self.identities.find_account(transaction, provider, profile)
        if account is not None:
            await self.identities.update(transaction, provider, profile, self.clock())
            return await self._with_picture(transaction, account, profile)
        if profile.email is None:
            raise EmailNotProvidedError()
        if not profile.is_email_verified and not self.autoconfirm:
            raise ProviderEmailUnverifiedError()
        for _ in range(_ATTEMPTS):
            account = await self._account_by_address(transaction, profile.email, provider, profile)
            if account is not None:
                await self.identities.insert(transaction, account.id, provider, profile, self.clock())
                if account.identities:
                    await self.report_linked(transaction, account, provider)
                return await self._with_providers(transaction, account, provider, profile)
        raise ConflictError("The account is being changed; please try again")

    async def free_address(self, transaction: Transaction, profile: ProviderProfile) -> bool:
        """Delete a sign-up by others with the verified address; return whether the address is free then."""
        holder = await self.accounts.find_by_email(transaction, profile.email or "")
        if holder is None:
            return True
        locked = await self.accounts.find_for_update(transaction, holder.id)
        if locked is None or not _is_by_somebody(locked):
            return False
        await self.accounts.delete(transaction, locked)
        return True

    async def report_linked(self, transaction: Transaction, account: Account, provider: str) -> None:
        """Record that an account has a further provider, and tell its owner by mail."""
        await record_audit_event(
            transaction,
            "identity.linked",
            actor_id=account.id,
            target_type="user",
            target_id=str(account.id),
            details={"provider": provider},
        )
        await self.security_notices.queue(
            transaction, account, SecurityNotice.IDENTITY_LINKED, {"name": display_name(provider)}
        )

    async def _account_by_address(
        self, transaction: Transaction, email: str, provider: str, profile: ProviderProfile
    ) -> Account | None:
        """Return the account that the identity joins, or a new one; None if it changed in the meantime."""
        holder = await self.accounts.find_by_email(transaction, email)
        if holder is None:
            return await self._create(transaction, email, provider, profile)
        locked = await self.accounts.find_for_update(transaction, holder.id)
        if locked is None or locked.email != email:
            return None
        if locked.is_verified:
            if not profile.is_email_verified or not self._has_proven_address(locked):
                raise AddressNotProvenError()
            return locked
        if not profile.is_email_verified:
            raise AddressNotProvenError()
        if _is_by_somebody(locked):
            # Whoever signed up first knows the id and has set what they liked: the owner gets an account of their own.
            await self.gate.require_allowed(transaction, email)
            await self.accounts.delete(transaction, locked)
            return await self._create(transaction, email, provider, profile)
        return await self._claim(transaction, locked, profile)

    async def _create(
        self, transaction: Transaction, email: str, provider: str, profile: ProviderProfile
    ) -> Account | None:
        await self.gate.require_allowed(transaction, email)
        new_account = NewAccount(
            email,
            email_confirmed_at=self.clock(),
            app_metadata={"provider": provider, "providers": [provider]},
            user_metadata=metadata_from_profile(profile),
            has_sign_up_claims=False,
            has_email_identity=False,
        )
        account = await self.accounts.insert(transaction, new_account)
        if account is not None:
            await record_audit_event(
                transaction,
                "user.signed_up",
                actor_id=account.id,
                target_type="user",
                target_id=str(account.id),
                details={"provider": provider},
            )
        return account

    async def _claim(self, transaction: Transaction, account: Account, profile: ProviderProfile) -> Account:
        """Confirm an account that an admin has made, as by an invitation, and remove what others may have set."""
        await self.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
        await transaction.execute(_DELETE_ONE_TIME_TOKENS, account.id)
        return await self.accounts.update(
            transaction,
            account,
            email_confirmed_at=self.clock(),
            password_hash=None,
            user_metadata={**account.user_metadata, **metadata_from_profile(profile)},
        )

    async def _with_providers(
        self, transaction: Transaction, account: Account, provider: str, profile: ProviderProfile
    ) -> Account:
        providers = [*(identity.provider for identity in account.identities), provider]
        app_metadata = provider_metadata(account.app_metadata, providers)
        account = await self.accounts.update(transaction, account, app_metadata=app_metadata)
        return await self._with_picture(transaction, account, profile)

    async def _with_picture(self, transaction: Transaction, account: Account, profile: ProviderProfile) -> Account:
        """Add the provider's picture, where the account has none; all else is the person's own choice by now."""
        picture = {name: profile.claims[name] for name in _PICTURE if name in profile.claims}
        if not picture or any(name in account.user_metadata for name in _PICTURE):
            return account
        user_metadata: Mapping[str, object] = {**account.user_metadata, **picture}
        try:
            serialize_metadata(user_metadata, "user_metadata")
        except ValidationFailedError:
            # There is no room for it.
            return account
        return await self.accounts.update(transaction, account, user_metadata=user_metadata)

    def _has_proven_address(self, account: Account) -> bool:
        """Whether whoever uses the account has received mail at its address, or a provider has said so.

        With autoconfirm an address counts as confirmed although nobody has proven it.
        """
        return not self.autoconfirm or any(
            identity.provider != "email"
            and identity.identity_data.get("email") == account.email
            and identity.identity_data.get("email_verified") is True
            for identity in account.identities
        )


def _is_by_somebody(account: Account) -> bool:
    """Whether anybody may have signed up with the address, and nobody has ever used the account."""
    return (
        account.is_unconfirmed_sign_up
        and account.phone_confirmed_at is None
        and account.last_sign_in_at is None
        and not account.is_anonymous
    )
