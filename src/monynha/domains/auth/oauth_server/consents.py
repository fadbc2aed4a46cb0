"""Consents: what a person has allowed clients to do, and how they take it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.oauth_server.errors import ConsentNotFoundError
from monynha.domains.auth.oauth_server.scopes import in_order
from monynha.infra.postgres.database import Transaction

_UPSERT = """
insert into auth.oauth_consents as consent (user_id, client_id, scopes, granted_at) values ($1, $2, $3, $4)
on conflict (user_id, client_id) do update set
  scopes = array(select distinct unnest(consent.scopes || excluded.scopes)), granted_at = excluded.granted_at
"""
_SELECT_OF_USER = """
select consent.client_id, consent.scopes, consent.granted_at, client.name, client.client_uri, client.logo_uri
from auth.oauth_consents consent join auth.oauth_clients client on client.id = consent.client_id
where consent.user_id = $1
order by consent.granted_at desc, consent.client_id
"""
_END_ACCESS = (
    # The authorizations first: an exchange holds the lock of its row until its session can be seen and deleted here.
    "delete from auth.oauth_authorizations where user_id = $1 and client_id = $2",
    "delete from auth.sessions where user_id = $1 and oauth_client_id = $2",
)


@dataclass(frozen=True, slots=True)
class ConsentedClient:
    """A client that a person has allowed to act for them."""

    client_id: UUID
    name: str
    client_uri: str
    logo_uri: str
    scopes: tuple[str, ...]
    granted_at: datetime


async def find_consent(transaction: Transaction, user_id: UUID, client_id: UUID) -> Sequence[str]:
    """Return the scopes that a person has allowed a client."""
    scopes = await transaction.fetch_value(
        "select scopes from auth.oauth_consents where user_id = $1 and client_id = $2", user_id, client_id
    )
    return scopes if isinstance(scopes, list) else []


async def add_consent(
    transaction: Transaction, user_id: UUID, client_id: UUID, scopes: Sequence[str], now: datetime
) -> None:
    """Store that a person allows a client these scopes, beside those that they have allowed before."""
    await transaction.execute(_UPSERT, user_id, client_id, list(scopes), now)
    await _record(transaction, "oauth_consent.granted", user_id, client_id, scopes=list(scopes))


@dataclass(frozen=True)
class ConsentService:
    """Shows a person what they have allowed, and ends it."""

    repository: AccountRepository

    async def list(self, user_id: UUID) -> list[ConsentedClient]:
        """Return the clients that the person has allowed something, the latest first."""
        async with self.repository.transaction() as transaction:
            rows = await transaction.fetch_rows(_SELECT_OF_USER, user_id)
        return [ConsentedClient(**{**dict(row), "scopes": in_order(row["scopes"])}) for row in rows]

    async def revoke(self, user_id: UUID, client_id: UUID) -> None:
        """End a consent and every session of the client at once; ConsentNotFoundError if there is none."""
        async with self.repository.transaction() as transaction:
            deleted = await transaction.execute(
                "delete from auth.oauth_consents where user_id = $1 and client_id = $2", user_id, client_id
            )
            if not deleted:
                raise ConsentNotFoundError()
            for statement in _END_ACCESS:
                await transaction.execute(statement, user_id, client_id)
            await _record(transaction, "oauth_consent.revoked", user_id, client_id)


async def _record(transaction: Transaction, action: str, user_id: UUID, client_id: UUID, **details: object) -> None:
    await record_audit_event(
        transaction, action, actor_id=user_id, target_type="oauth_client", target_id=str(client_id), details=details
    )
