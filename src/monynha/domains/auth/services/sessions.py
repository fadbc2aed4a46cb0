"""Sessions: opened by a proof, kept by refresh tokens, ended by signing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AUTH_ACTOR, AccountRepository, json_text
from monynha.domains.auth.errors import (
    AuthError,
    BannedAtSignInError,
    RefreshSessionNotFoundError,
    RefreshTokenAlreadyUsedError,
    RefreshTokenNotFoundError,
    SessionExpiredError,
)
from monynha.domains.auth.tokens.access_tokens import AccessToken, AccessTokens, Clock, SessionClaims
from monynha.domains.auth.tokens.refresh_tokens import (
    MAX_ROTATIONS,
    RefreshDecision,
    RefreshToken,
    RefreshTokenCodec,
    decide_refresh,
)
from monynha.infra.postgres.database import Database, Transaction

_INSERT_SESSION = """
insert into auth.sessions (user_id, amr, user_agent, ip, created_at) values ($1, $2::jsonb, $3, $4, $5)
returning id
"""
_UPDATE_LAST_SIGN_IN = "update auth.identities set last_sign_in_at = $2 where user_id = $1 and provider = 'email'"
_SELECT_FOR_UPDATE = """
select id, user_id, aal, amr, refresh_counter, rotated_at, not_after from auth.sessions where id = $1
for update
"""
_ROTATE_REFRESH_TOKEN = """
update auth.sessions
set refresh_counter = refresh_counter + 1, rotated_at = $2, refreshed_at = $3, user_agent = $4, ip = $5
where id = $1
"""


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Where a request comes from."""

    ip: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """What somebody who is signed in holds."""

    account: Account
    access_token: AccessToken
    refresh_token: str
    session_id: UUID


class SignOutScope(StrEnum):
    """Which sessions a sign-out ends."""

    GLOBAL = "global"
    LOCAL = "local"
    OTHERS = "others"


_DELETE_BY_SCOPE = {
    SignOutScope.GLOBAL: "delete from auth.sessions where user_id = $1",
    SignOutScope.LOCAL: "delete from auth.sessions where user_id = $1 and id = $2",
    SignOutScope.OTHERS: "delete from auth.sessions where user_id = $1 and id is distinct from $2",
}


@dataclass(frozen=True)
class SessionService:
    """Opens, refreshes and ends sessions."""

    database: Database
    repository: AccountRepository
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokenCodec
    clock: Clock
    reuse_interval_s: int

    async def create(
        self,
        transaction: Transaction,
        account: Account,
        client: ClientInfo,
        *,
        method: str,
        **changes: object,
    ) -> IssuedSession:
        """Open a session for somebody who has just proven by the method who they are."""
        now = self.clock()
        if account.is_banned(now):
            raise BannedAtSignInError()
        amr = [{"method": method, "timestamp": int(now.timestamp())}]
        user_agent = client.user_agent[:500].replace("\x00", "")
        session_id = await transaction.fetch_value(
            _INSERT_SESSION, account.id, json_text(amr), user_agent, client.ip, now
        )
        assert isinstance(session_id, UUID)  # the statement returns a uuid
        await transaction.execute(_UPDATE_LAST_SIGN_IN, account.id, now)
        account = await self.repository.update(transaction, account, last_sign_in_at=now, **changes)
        return self._issue(account, SessionClaims(session_id, "aal1", tuple(amr)), 0)

    async def refresh(self, refresh_token: str, client: ClientInfo) -> IssuedSession:
        """Give the next pair of tokens for a refresh token; a copied one ends its session."""
        presented = self.refresh_tokens.decode(refresh_token)
        if presented is None:
            raise RefreshTokenNotFoundError()
        async with self.database.as_actor(AUTH_ACTOR).transaction() as transaction:
            outcome = await self._refresh_in_transaction(transaction, presented, client)
        # Raised after the commit: the end of a session must last although the answer is an error.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def end(self, transaction: Transaction, user_id: UUID, session_id: UUID | None, scope: SignOutScope) -> None:
        """Sign out; the access tokens of an ended session are refused from now on."""
        binds = (user_id,) if scope is SignOutScope.GLOBAL else (user_id, session_id)
        await transaction.execute(_DELETE_BY_SCOPE[scope], *binds)

    async def _refresh_in_transaction(
        self, transaction: Transaction, presented: RefreshToken, client: ClientInfo
    ) -> IssuedSession | AuthError:
        # The lock lets two refreshes of one token through one after the other.
        row = await transaction.fetch_row(_SELECT_FOR_UPDATE, presented.session_id)
        if row is None:
            return RefreshSessionNotFoundError()
        account = await self.repository.find_by_id(transaction, row["user_id"])
        now = self.clock()
        if account is None:
            return RefreshSessionNotFoundError()
        if account.is_banned(now):
            return BannedAtSignInError()
        if row["not_after"] is not None and row["not_after"] <= now:
            return SessionExpiredError()
        return await self._apply_decision(transaction, account, dict(row), presented=presented, client=client, now=now)

    async def _apply_decision(
        self,
        transaction: Transaction,
        account: Account,
        row: Mapping[str, Any],
        *,
        presented: RefreshToken,
        client: ClientInfo,
        now: datetime,
    ) -> IssuedSession | AuthError:
        counter, rotated_at = row["refresh_counter"], row["rotated_at"]
        match decide_refresh(presented.counter, counter, rotated_at, now=now, reuse_interval_s=self.reuse_interval_s):
            case RefreshDecision.UNKNOWN:
                return RefreshTokenNotFoundError()
            case RefreshDecision.REUSED:
                await transaction.execute("delete from auth.sessions where id = $1", row["id"])
                return RefreshTokenAlreadyUsedError()
            case RefreshDecision.ROTATE:
                counter += 1
                rotations = [now, *rotated_at][:MAX_ROTATIONS]
                user_agent = client.user_agent[:500].replace("\x00", "")
                await transaction.execute(_ROTATE_REFRESH_TOKEN, row["id"], rotations, now, user_agent, client.ip)
            case RefreshDecision.REPEAT:
                pass
        session = SessionClaims(row["id"], row["aal"], tuple(orjson.loads(row["amr"])))
        return self._issue(account, session, counter)

    def _issue(self, account: Account, session: SessionClaims, counter: int) -> IssuedSession:
        return IssuedSession(
            account,
            self.access_tokens.issue(account, session),
            self.refresh_tokens.encode(RefreshToken(session.id, counter)),
            session.id,
        )
