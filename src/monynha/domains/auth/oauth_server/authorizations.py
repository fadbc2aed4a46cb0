"""Authorizations: requests of clients for access, from the authorization endpoint until the code is exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.infra.postgres.database import Transaction

PENDING_TTL: Final = timedelta(minutes=10)
CODE_TTL: Final = timedelta(seconds=60)
REPLAY_MEMORY: Final = timedelta(days=1)
"""How long an exchanged code is remembered, so that presenting it again ends what it was exchanged for."""

PENDING: Final = "pending"
APPROVED: Final = "approved"
REDEEMED: Final = "redeemed"

_COLUMNS = """
  id, client_id, user_id, status, redirect_uri, scopes, state, nonce, code_challenge, requires_prompt, approved_in,
  session_id, expires_at
"""
_INSERT = """
insert into auth.oauth_authorizations (
  client_id, redirect_uri, scopes, state, nonce, code_challenge, requires_prompt, created_at, expires_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id
"""
_SELECT_FOR_UPDATE = f"select {_COLUMNS} from auth.oauth_authorizations where id = $1 for update"
_SELECT_BY_CODE_FOR_UPDATE = f"select {_COLUMNS} from auth.oauth_authorizations where code_hash = $1 for update"
_APPROVE = """
update auth.oauth_authorizations
set status = 'approved', code_hash = $2, approved_in = $3, expires_at = $4
where id = $1
"""
_REDEEM = """
update auth.oauth_authorizations set status = 'redeemed', session_id = $2, expires_at = $3 where id = $1
"""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a client asks for, validated."""

    client_id: UUID
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: PkceChallenge
    state: str | None = None
    nonce: str | None = None
    requires_prompt: bool = False
    """Whether the person is asked although they have consented before (OpenID Connect `prompt`)."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """A row of `auth.oauth_authorizations`."""

    id: UUID
    client_id: UUID
    user_id: UUID | None
    status: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None
    challenge: PkceChallenge
    requires_prompt: bool
    approved_in: UUID | None
    session_id: UUID | None
    expires_at: datetime


async def insert_authorization(transaction: Transaction, request: AuthorizationRequest, now: datetime) -> UUID:
    """Insert a pending authorization and return its id."""
    authorization_id = await transaction.fetch_value(
        _INSERT,
        request.client_id,
        request.redirect_uri,
        list(request.scopes),
        request.state,
        request.nonce,
        request.challenge.value,
        request.requires_prompt,
        now,
        now + PENDING_TTL,
    )
    assert isinstance(authorization_id, UUID)  # the statement returns a uuid
    return authorization_id


async def lock_authorization(transaction: Transaction, authorization_id: UUID) -> Authorization | None:
    """Return an authorization with its row locked until the transaction ends."""
    return _from_row(await transaction.fetch_row(_SELECT_FOR_UPDATE, authorization_id))


async def lock_authorization_by_code(transaction: Transaction, code_hash: str) -> Authorization | None:
    """Return the authorization that the code was issued for, with its row locked."""
    return _from_row(await transaction.fetch_row(_SELECT_BY_CODE_FOR_UPDATE, code_hash))


async def bind_to_user(transaction: Transaction, authorization_id: UUID, user_id: UUID | None) -> None:
    """Let nobody but the user see or decide the authorization; None lets whoever opens it next."""
    await transaction.execute(
        "update auth.oauth_authorizations set user_id = $2 where id = $1", authorization_id, user_id
    )


async def mark_approved(
    transaction: Transaction, authorization_id: UUID, code_hash: str, session_id: UUID | None, now: datetime
) -> None:
    """Store the code of an authorization, and the session in which it was approved."""
    await transaction.execute(_APPROVE, authorization_id, code_hash, session_id, now + CODE_TTL)


async def mark_redeemed(transaction: Transaction, authorization_id: UUID, session_id: UUID, now: datetime) -> None:
    """Store what the code was exchanged for."""
    await transaction.execute(_REDEEM, authorization_id, session_id, now + REPLAY_MEMORY)


async def mark_ended(transaction: Transaction, authorization_id: UUID, status: str) -> None:
    """Make an authorization `denied`, or `void` after its code was presented wrongly."""
    await transaction.execute(
        "update auth.oauth_authorizations set status = $2 where id = $1", authorization_id, status
    )


def _from_row(row: asyncpg.Record | None) -> Authorization | None:
    if row is None:
        return None
    values = dict(row)
    values["scopes"] = tuple(values["scopes"])
    return Authorization(challenge=PkceChallenge(values.pop("code_challenge"), "s256"), **values)
