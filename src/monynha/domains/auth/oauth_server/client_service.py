"""Client service: registers, changes, deletes and authenticates clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.hashes import hash_token
from monynha.core.serialization import parse_uuid
from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.oauth_server.clients import (
    MANUAL,
    OAuthClient,
    find_client,
    find_client_page,
    insert_client,
    lock_client,
    new_secret,
    update_client,
)
from monynha.domains.auth.oauth_server.errors import OAuthClientNotFoundError, invalid_client
from monynha.domains.auth.oauth_server.registration import ClientMetadata
from monynha.infra.postgres.database import Transaction

_END_ACCESS = (
    "delete from auth.oauth_authorizations where client_id = $1",
    "delete from auth.sessions where oauth_client_id = $1",
)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """How a client authenticates in a request: the method is `client_secret_basic`, `client_secret_post` or `none`."""

    client_id: str
    secret: str
    method: str


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with the secret that it was just given, which is told once; public clients have none."""

    client: OAuthClient
    secret: str | None


@dataclass(frozen=True, kw_only=True)
class ClientService:
    """Manages clients."""

    repository: AccountRepository
    clock: Clock

    async def register(self, values: Mapping[str, object], registration_type: str) -> RegisteredClient:
        """Insert a client with the metadata; ClientMetadataError for what is not valid."""
        metadata = ClientMetadata.parse(values, registration_type)
        secret = new_secret()
        client = metadata.new_client(registration_type, hash_token(secret), self.clock())
        async with self.repository.transaction() as transaction:
            client = await insert_client(transaction, client)
            await _record(transaction, "oauth_client.created", client)
        return RegisteredClient(client, secret if client.is_confidential else None)

    async def list_page(self, *, page_number: int, page_size: int) -> tuple[list[OAuthClient], int]:
        """Return a page of clients, newest first, and the number of all of them."""
        async with self.repository.transaction() as transaction:
            return await find_client_page(transaction, limit=page_size, offset=(page_number - 1) * page_size)

    async def get(self, client_id: UUID) -> OAuthClient:
        """Return a client; OAuthClientNotFoundError if there is none."""
        async with self.repository.transaction() as transaction:
            client = await find_client(transaction, client_id)
        if client is None:
            raise OAuthClientNotFoundError()
        return client

    async def update(self, client_id: UUID, values: Mapping[str, object]) -> OAuthClient:
        """Change the fields that were sent. Disabling a client ends all that it has at once."""
        metadata = ClientMetadata.parse(values, MANUAL)
        if metadata.is_empty:
            raise InvalidAuthRequestError("No fields provided for update")
        async with self.repository.transaction() as transaction:
            before = await self._lock(transaction, client_id)
            client = await update_client(transaction, metadata.changed(before, self.clock()))
            if before.is_enabled and not client.is_enabled:
                await self._end_access(transaction, client_id)
            await _record(transaction, "oauth_client.updated", client)
        return client

    async def regenerate_secret(self, client_id: UUID) -> RegisteredClient:
        """Replace the secret of a confidential client; the old one is refused from the commit on."""
        secret = new_secret()
        async with self.repository.transaction() as transaction:
            client = await self._lock(transaction, client_id)
            if not client.is_confidential:
                raise InvalidAuthRequestError("Cannot regenerate secret for public client")
            changed = replace(client, secret_hash=hash_token(secret), updated_at=self.clock())
            client = await update_client(transaction, changed)
            await _record(transaction, "oauth_client.secret_regenerated", client)
        return RegisteredClient(client, secret)

    async def delete(self, client_id: UUID) -> None:
        """Delete a client with its consents and sessions."""
        async with self.repository.transaction() as transaction:
            client = await self._lock(transaction, client_id)
            await self._end_access(transaction, client_id)
            await transaction.execute("delete from auth.oauth_clients where id = $1", client_id)
            await _record(transaction, "oauth_client.deleted", client)

    async def authenticate(self, credentials: ClientCredentials) -> OAuthClient:
        """Return the enabled client of the credentials; OAuthProtocolError `invalid_client` for all others.

        The method must be the registered one: a secret that is also sent in bodies ends in more logs.
        """
        client_id = parse_uuid(credentials.client_id)
        client = None
        if client_id is not None:
            async with self.repository.transaction() as transaction:
                client = await find_client(transaction, client_id)
        if client is None or not client.is_enabled or client.token_endpoint_auth_method != credentials.method:
            raise invalid_client()
        if client.is_confidential and not client.has_secret(credentials.secret):
            raise invalid_client()
        return client

    async def _lock(self, transaction: Transaction, client_id: UUID) -> OAuthClient:
        client = await lock_client(transaction, client_id)
        if client is None:
            raise OAuthClientNotFoundError()
        return client

    async def _end_access(self, transaction: Transaction, client_id: UUID) -> None:
        # The row of the client is locked, and an exchange of a code locks it too: no session comes after this.
        for statement in _END_ACCESS:
            await transaction.execute(statement, client_id)


async def _record(transaction: Transaction, action: str, client: OAuthClient) -> None:
    details = {"name": client.name, "registration": client.registration_type, "enabled": client.is_enabled}
    await record_audit_event(transaction, action, target_type="oauth_client", target_id=str(client.id), details=details)
