"""Clients: the applications that may ask people for access, and their rows."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from monynha.core.hashes import hash_token
from monynha.infra.postgres.database import Transaction

CONFIDENTIAL: Final = "confidential"
PUBLIC: Final = "public"
NO_AUTHENTICATION: Final = "none"
AUTHENTICATION_METHODS: Final = {
    CONFIDENTIAL: ("client_secret_basic", "client_secret_post"),
    PUBLIC: (NO_AUTHENTICATION,),
}
"""The `token_endpoint_auth_method` values (RFC 7591 §2) of each type of client; the first is its default."""
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
MANUAL: Final = "manual"
DYNAMIC: Final = "dynamic"

_COLUMNS = """
  id, registration_type, client_type, token_endpoint_auth_method, secret_hash, name, client_uri, logo_uri,
  redirect_uris, grant_types, scopes, is_enabled, created_at, updated_at
"""
_INSERT = f"""
insert into auth.oauth_clients (
  registration_type, client_type, token_endpoint_auth_method, secret_hash, name, client_uri, logo_uri,
  redirect_uris, grant_types, scopes, is_enabled, created_at, updated_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
returning {_COLUMNS}
"""
_UPDATE = f"""
update auth.oauth_clients
set token_endpoint_auth_method = $2, secret_hash = $3, name = $4, client_uri = $5, logo_uri = $6,
  redirect_uris = $7, grant_types = $8, scopes = $9, is_enabled = $10, updated_at = $11
where id = $1
returning {_COLUMNS}
"""
_SELECT = f"select {_COLUMNS} from auth.oauth_clients where id = $1"
_SELECT_PAGE = f"select {_COLUMNS} from auth.oauth_clients order by created_at desc, id desc limit $1 offset $2"


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A row of `auth.oauth_clients`."""

    id: UUID
    registration_type: str
    client_type: str
    token_endpoint_auth_method: str
    secret_hash: str | None = field(repr=False)
    name: str
    client_uri: str
    logo_uri: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    is_enabled: bool
    created_at: datetime
    updated_at: datetime

    @property
    def is_confidential(self) -> bool:
        """Whether the client has a secret."""
        return self.client_type == CONFIDENTIAL

    def has_secret(self, secret: str) -> bool:
        """Whether this is the client's secret, compared in constant time."""
        return self.secret_hash is not None and hmac.compare_digest(self.secret_hash, hash_token(secret))


def new_secret() -> str:
    """Return a client secret: 256 random bits, which no hash with a cost need protect."""
    return secrets.token_urlsafe(32)


async def find_client(transaction: Transaction, client_id: UUID) -> OAuthClient | None:
    """Return the client with the id."""
    return _from_row(await transaction.fetch_row(_SELECT, client_id))


async def lock_enabled_client(transaction: Transaction, client_id: UUID) -> OAuthClient | None:
    """Return the client if it is enabled, and keep it so until the transaction ends."""
    client = _from_row(await transaction.fetch_row(f"{_SELECT} for share", client_id))
    return client if client is not None and client.is_enabled else None


async def lock_client(transaction: Transaction, client_id: UUID) -> OAuthClient | None:
    """Return the client with its row locked for a change."""
    return _from_row(await transaction.fetch_row(f"{_SELECT} for update", client_id))


async def find_client_page(transaction: Transaction, *, limit: int, offset: int) -> tuple[list[OAuthClient], int]:
    """Return clients, newest first, and the number of all of them."""
    total = await transaction.fetch_value("select count(*) from auth.oauth_clients")
    assert isinstance(total, int)  # count(*) is a bigint
    rows = await transaction.fetch_rows(_SELECT_PAGE, limit, offset)
    return [client for row in rows if (client := _from_row(row))], total


async def insert_client(transaction: Transaction, client: OAuthClient) -> OAuthClient:
    """Insert a client; the database chooses its id."""
    values = (client.registration_type, client.client_type, *_changeable(client), client.created_at)
    inserted = _from_row(await transaction.fetch_row(_INSERT, *values))
    assert inserted is not None  # the statement returns the row
    return inserted


async def update_client(transaction: Transaction, client: OAuthClient) -> OAuthClient:
    """Write a client that the transaction has locked."""
    updated = _from_row(await transaction.fetch_row(_UPDATE, client.id, *_changeable(client), client.updated_at))
    assert updated is not None  # the row is locked, so it exists
    return updated


def _changeable(client: OAuthClient) -> tuple[object, ...]:
    return (
        client.token_endpoint_auth_method,
        client.secret_hash,
        client.name,
        client.client_uri,
        client.logo_uri,
        list(client.redirect_uris),
        list(client.grant_types),
        list(client.scopes),
        client.is_enabled,
    )


def _from_row(row: asyncpg.Record | None) -> OAuthClient | None:
    if row is None:
        return None
    values: dict[str, Any] = dict(row)
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return OAuthClient(**{**values, **lists})
