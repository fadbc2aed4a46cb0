"""Session service: creates sessions, refreshes their tokens and signs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import orjson

from monynha.core.clock import Clock
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository, json_text
from monynha.domains.auth.errors import (
    AuthError,
    BannedAtSignInError,
    RefreshSessionNotFoundError,
    RefreshTokenAlreadyUsedError,
    RefreshTokenNotFoundError,
    SessionExpiredError,
    TokenSessionNotFoundError,
    TokenUserNotFoundError,
    UserBannedError,
)
from monynha.domains.auth.tokens.access_tokens import AccessToken, AccessTokens, SessionClaims
from monynha.domains.auth.tokens.refresh_tokens import (
    MAX_ROTATIONS,
    RefreshDecision,
    RefreshToken,
    RefreshTokenCodec,
    decide_refresh,
)
from monynha.infra.postgres.database import Transaction

_MAX_USER_AGENT_LENGTH = 500
_INSERT_SESSION = """
insert into auth.sessions (user_id, amr, user_agent, ip, created_at) values ($1, $2::jsonb, $3, $4, $5)
returning id
"""
_UPDATE_LAST_SIGN_IN = """
update auth.identities set last_sign_in_at = $2 where user_id = $1 and provider = 'email'
"""
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
    """Where a request comes from: its client IP and user agent, and the language that the client prefers."""

    ip: str
    user_agent: str = ""
    locale: str | None = None

    @property
    def stored_user_agent(self) -> str:
        """The user agent as `auth.sessions` can store it: short and without NUL."""
        return self.user_agent[:_MAX_USER_AGENT_LENGTH].replace("\x00", "")


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """The tokens of a session and the account they belong to: what a client receives after signing in."""

    account: Account
    access_token: AccessToken
    refresh_token: str
    session_id: UUID


class SignOutScope(StrEnum):
    """Which sessions of an account a sign-out ends: all, the current one, or all but the current one."""

    GLOBAL = "global"
    LOCAL = "local"
    OTHERS = "others"


_DELETE_BY_SCOPE = {
    SignOutScope.GLOBAL: "delete from auth.sessions where user_id = $1",
    SignOutScope.LOCAL: "delete from auth.sessions where user_id = $1 and id = $2",
    SignOutScope.OTHERS: "delete from auth.sessions where user_id = $1 and id is distinct from $2",
}


@dataclass(frozen=True, kw_only=True)
class SessionService:
    """Creates, refreshes and ends sessions."""

    repository: AccountRepository
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokenCodec
    clock: Clock
    reuse_interval_s: int

    async def create(self, account: Account, client: ClientInfo, *, method: str) -> IssuedSession:
        """Create a session in a transaction of its own; see `create_in`."""
        async with self.repository.transaction() as transaction:
            return await self.create_in(transaction, account, client, method=method)

    async def create_in(
        self,
        transaction: Transaction,
        account: Account,
        client: ClientInfo,
        *,
        method: str,
        **changes: object,
    ) -> IssuedSession:
        """Create a session for an account that has authenticated by the method (`password`, `otp`).

        `changes` are further columns of the account to set. Raise BannedAtSignInError for a banned account.
        """
        now = self.clock()
        if account.is_banned(now):
            raise BannedAtSignInError()
        amr: list[Mapping[str, object]] = [{"method": method, "timestamp": int(now.timestamp())}]
        session_id = await transaction.fetch_value(
            _INSERT_SESSION, account.id, json_text(amr), client.stored_user_agent, client.ip, now
        )
        assert isinstance(session_id, UUID)  # the statement returns a uuid
        await transaction.execute(_UPDATE_LAST_SIGN_IN, account.id, now)
        await record_audit_event(
            transaction,
            "session.created",
            actor_id=account.id,
            target_type="session",
            target_id=str(session_id),
            details={"method": method},
        )
        account = await self.repository.update(transaction, account, last_sign_in_at=now, **changes)
        return self._issue(account, SessionClaims(session_id, "aal1", tuple(amr)), 0)

    async def require_live(self, user_id: UUID, session_id: UUID | None) -> Account:
        """Return the account of an access token; its session, where the token names one, must be live.

        Raise TokenUserNotFoundError, UserBannedError or TokenSessionNotFoundError.
        """
        async with self.repository.transaction() as transaction:
            account, is_live = await self.repository.find_by_session(transaction, user_id, session_id)
        if account is None:
            raise TokenUserNotFoundError()
        if account.is_banned(self.clock()):
            raise UserBannedError()
        if not is_live:
            raise TokenSessionNotFoundError()
        return account

    async def refresh(self, refresh_token: str, client: ClientInfo) -> IssuedSession:
        """Return new tokens for a refresh token.

        Raise an AuthError for a token that is unknown, expired or reused; reuse also ends the session, since
        somebody holds a copy of the token.
        """
        presented = self.refresh_tokens.decode(refresh_token)
        if presented is None:
            raise RefreshTokenNotFoundError()
        async with self.repository.transaction() as transaction:
            outcome = await self._refresh_in_transaction(transaction, presented, client)
        # Raised after the commit: the deletion of a session must last although the response is an error.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def sign_out(self, user_id: UUID, session_id: UUID | None, scope: SignOutScope) -> None:
        """End sessions of an account in a transaction of its own."""
        async with self.repository.transaction() as transaction:
            if not await self.end(transaction, user_id, session_id, scope):
                # A token without a session may sign out as often as it likes.
                return
            await record_audit_event(
                transaction,
                "session.ended",
                actor_id=user_id,
                target_type="session",
                target_id=str(session_id) if session_id else None,
                details={"scope": scope.value},
            )

    async def end(self, transaction: Transaction, user_id: UUID, session_id: UUID | None, scope: SignOutScope) -> int:
        """End sessions of an account and return how many; their access tokens are refused from the commit on."""
        binds = (user_id,) if scope is SignOutScope.GLOBAL else (user_id, session_id)
        return await transaction.execute(_DELETE_BY_SCOPE[scope], *binds)

    async def _refresh_in_transaction(
        self, transaction: Transaction, presented: RefreshToken, client: ClientInfo
    ) -> IssuedSession | AuthError:
        # The row lock serializes concurrent refreshes of the same session.
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
        counter, rotated_at = row["refresh_counter"], row["rotated_at"]
        decision = decide_refresh(
            presented.counter, counter, rotated_at, now=now, reuse_interval_s=self.reuse_interval_s
        )
        match decision:
            case RefreshDecision.UNKNOWN:
                return RefreshTokenNotFoundError()
            case RefreshDecision.REUSED:
                await transaction.execute("delete from auth.sessions where id = $1", row["id"])
                await record_audit_event(
                    transaction,
                    "refresh_token.reused",
                    target_type="session",
                    target_id=str(row["id"]),
                    details={"userId": account.id},
                )
                return RefreshTokenAlreadyUsedError()
            case RefreshDecision.ROTATE:
                counter += 1
                await self._rotate(transaction, row["id"], [now, *rotated_at], client)
            case RefreshDecision.REPEAT:
                pass
        claims = SessionClaims(row["id"], row["aal"], tuple(orjson.loads(row["amr"])))
        return self._issue(account, claims, counter)

    async def _rotate(
        self, transaction: Transaction, session_id: UUID, rotated_at: list[datetime], client: ClientInfo
    ) -> None:
        await transaction.execute(
            _ROTATE_REFRESH_TOKEN,
            session_id,
            rotated_at[:MAX_ROTATIONS],
            rotated_at[0],
            client.stored_user_agent,
            client.ip,
        )

    def _issue(self, account: Account, claims: SessionClaims, counter: int) -> IssuedSession:
        return IssuedSession(
            account,
            self.access_tokens.issue(account, claims),
            self.refresh_tokens.encode(RefreshToken(claims.id, counter)),
            claims.id,
        )
