"""Identity repository: reads and writes `auth.identities`, the accounts at providers that sign in to an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository, json_text
from monynha.domains.auth.providers.provider import ProviderProfile
from monynha.infra.postgres.database import Transaction

# Two first sign-ins of the same person at once: the second one waits and finds what the first has made.
_LOCK = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
_SELECT_USER = "select user_id from auth.identities where provider = $1 and provider_id = $2"
_INSERT = """
insert into auth.identities (user_id, provider, provider_id, identity_data, last_sign_in_at)
values ($1, $2, $3, $4::jsonb, $5)
"""
_UPDATE = """
update auth.identities set identity_data = $3::jsonb, last_sign_in_at = $4, updated_at = clock_timestamp()
where provider = $1 and provider_id = $2
"""
_DELETE = "delete from auth.identities where id = $1 and user_id = $2"


@dataclass(frozen=True)
class IdentityRepository:
    """Reads and writes identities in the transactions of its callers."""

    accounts: AccountRepository

    async def find_account(self, transaction: Transaction, provider: str, profile: ProviderProfile) -> Account | None:
        """Return the account that a person at a provider signs in to, if there is one.

        Nobody else adds or finds this identity until the transaction ends.
        """
        await transaction.execute(_LOCK, f"identity {provider} {profile.subject}")
        user_id = await transaction.fetch_value(_SELECT_USER, provider, profile.subject)
        return await self.accounts.find_by_id(transaction, user_id) if isinstance(user_id, UUID) else None

    async def insert(
        self, transaction: Transaction, user_id: UUID, provider: str, profile: ProviderProfile, now: datetime
    ) -> None:
        """Insert an identity, which `find_account` has not found."""
        await transaction.execute(_INSERT, user_id, provider, profile.subject, json_text(dict(profile.claims)), now)

    async def update(self, transaction: Transaction, provider: str, profile: ProviderProfile, now: datetime) -> None:
        """Store what the provider says today, and that the identity has signed in."""
        await transaction.execute(_UPDATE, provider, profile.subject, json_text(dict(profile.claims)), now)

    async def delete(self, transaction: Transaction, account: Account, identity_id: UUID) -> None:
        """Delete an identity of the account."""
        await transaction.execute(_DELETE, identity_id, account.id)


def provider_metadata(app_metadata: Mapping[str, object], providers: list[str]) -> dict[str, object]:
    """Return the app metadata with the providers of all identities; `provider` stays the first while it is there."""
    names = list(dict.fromkeys(providers))
    first = app_metadata.get("provider")
    if first not in names and names:
        first = names[0]
    return {**app_metadata, "provider": first, "providers": names}
