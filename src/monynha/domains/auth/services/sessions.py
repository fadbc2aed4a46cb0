"""Session service: creates sessions, refreshes their tokens and signs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg
import orjson

from monynha.core.clock import Clock
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository, json_text
from monynha.domains.auth.accounts.devices import network_of, parse_device
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import (
    AuthError,
    BannedAtSignInError,
    RefreshSessionNotFoundError,
    RefreshTokenAlreadyUsedError,
    RefreshTokenNotFoundError,
    ScopeNotGrantedError,
    SessionExpiredError,
    TokenSessionNotFoundError,
    TokenUserNotFoundError,
    UserBannedError,
)
from monynha.domains.auth.tokens.access_tokens import AccessToken, AccessTokens, SessionClaims
from monynha.domains.auth.tokens.client_grants import ClientGrant, ClientRefresh
from monynha.domains.auth.tokens.refresh_tokens import (
    MAX_ROTATIONS,
    RefreshDecision,
    RefreshToken,
    RefreshTokenCodec,
    decide_refresh,
)
from monynha.infra.postgres.database import Transaction

OAUTH_METHOD = "oauth"
"""The authentication method of a session that a provider has opened."""
_MAX_USER_AGENT_LENGTH = 500
_INSERT_SESSION = """
with before as (
  -- As it was before this statement: neither sees what the other writes.
  select count(*) > 0 and not coalesce(bool_or(d.device = $6 and d.network = $7), false) as is_new_device
  from auth.known_devices d where d.user_id = $1
), remembered as (
  insert into auth.known_devices (user_id, device, network, last_seen_at) values ($1, $6, $7, $5)
  on conflict (user_id, device, network) do update set last_seen_at = excluded.last_seen_at
)
insert into auth.sessions (user_id, amr, user_agent, ip, created_at, device) values ($1, $2::jsonb, $3, $4, $5, $6)
returning id, (select is_new_device from before) as is_new_device
"""
_UPDATE_LAST_SIGN_IN = """
update auth.identities set last_sign_in_at = $2 where user_id = $1 and provider in ('email', 'phone')
"""
_SELECT_FOR_UPDATE = """
select
  id, user_id, aal, amr, refresh_counter, assured_counter, rotated_at, not_after, oauth_client_id, oauth_scopes
from auth.sessions where id = $1
for update
"""
_RAISE_TO_AAL2 = """
update auth.sessions
set aal = 'aal2', factor_id = $2, amr = $3::jsonb, refresh_counter = $4, assured_counter = $4, rotated_at = $5,
  refreshed_at = $6, user_agent = $7, ip = $8
where id = $1
"""
_DELETE_OTHERS_BELOW_AAL2 = "delete from auth.sessions where user_id = $1 and id <> $2 and aal < 'aal2'"
_ROTATE_REFRESH_TOKEN = """
update auth.sessions
set refresh_counter = refresh_counter + 1, rotated_at = $2, refreshed_at = $3, user_agent = $4, ip = $5,
  -- An application's session keeps its name.
  device = case when oauth_client_id is null then $6 else device end
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

    @property
    def device(self) -> str:
        """The browser and system, as people know them."""
        return parse_device(self.stored_user_agent).label


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """The tokens of a session and the account they belong to: what a client receives after signing in."""

    account: Account
    access_token: AccessToken
    refresh_token: str
    session_id: UUID
    provider_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the provider has issued to the client: `provider_token`, `provider_refresh_token`."""


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
    security_notices: SecurityNotices
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

        A device from which the account was not used before is reported to its owner by mail, unless it is the first.
        `changes` are further columns of the account to set. Raise BannedAtSignInError for a banned account.
        """
        now = self.clock()
        if account.is_banned(now):
            raise BannedAtSignInError()
        amr: list[Mapping[str, object]] = [{"method": method, "timestamp": int(now.timestamp())}]
        session_id, is_new_device = await self._insert(transaction, account, client, amr)
        if method != OAUTH_METHOD:
            # The identity of a provider is updated by what signs in with it.
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
        if is_new_device:
            await self.security_notices.queue(transaction, account, SecurityNotice.NEW_DEVICE)
        return self.issue(account, SessionClaims(session_id, "aal1", tuple(amr)))

    async def raise_to_aal2(
        self,
        transaction: Transaction,
        account: Account,
        session_id: UUID,
        client: ClientInfo,
        *,
        factor_id: UUID,
        method: str,
    ) -> IssuedSession:
        """Raise a session whose user has verified a second factor, and end the user's sessions below aal2.

        Its refresh tokens from before are worth nothing: who has one has not shown the factor. Raise
        TokenSessionNotFoundError if the session has ended.
        """
        row = await transaction.fetch_row(_SELECT_FOR_UPDATE, session_id)
        now = self.clock()
        if row is None or row["user_id"] != account.id or (row["not_after"] is not None and row["not_after"] <= now):
            raise TokenSessionNotFoundError()
        former = [entry for entry in orjson.loads(row["amr"]) if entry["method"] != method]
        amr: list[Mapping[str, object]] = [{"method": method, "timestamp": int(now.timestamp())}, *former]
        # By two, as upstream: the direct parent of a token is tolerated, and no token that was issued is this one's.
        counter = row["refresh_counter"] + 2
        rotated_at = [now, now, *row["rotated_at"]][:MAX_ROTATIONS]
        await transaction.execute(
            _RAISE_TO_AAL2,
            session_id,
            factor_id,
            json_text(amr),
            counter,
            rotated_at,
            now,
            client.stored_user_agent,
            client.ip,
        )
        await transaction.execute(_DELETE_OTHERS_BELOW_AAL2, account.id, session_id)
        return self.issue(account, SessionClaims(session_id, "aal2", tuple(amr)), counter)

    async def _insert(
        self, transaction: Transaction, account: Account, client: ClientInfo, amr: list[Mapping[str, object]]
    ) -> tuple[UUID, bool]:
        """Insert a session and remember its device; return its id, and whether the device is new to the account."""
        origin = (client.stored_user_agent, client.ip, self.clock(), client.device, network_of(client.ip))
        row = await transaction.fetch_row(_INSERT_SESSION, account.id, json_text(amr), *origin)
        assert row is not None  # the statement inserts a row
        return row["id"], row["is_new_device"]

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

    async def refresh(
        self, refresh_token: str, client: ClientInfo, *, by_client: ClientRefresh | None = None
    ) -> IssuedSession:
        """Return new tokens for a refresh token.

        Raise an AuthError for a token that is unknown, expired or reused; reuse also ends the session, since
        somebody holds a copy of the token. The token of an OAuth client is unknown to anybody but that client.
        """
        presented = self.refresh_tokens.decode(refresh_token)
        if presented is None:
            raise RefreshTokenNotFoundError()
        async with self.repository.transaction() as transaction:
            outcome = await self._refresh_in_transaction(transaction, presented, client, by_client)
        # Raised after the commit: the deletion of a session must last although the response is an error.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def end_by_token(self, refresh_token: str, *, except_id: UUID | None = None) -> None:
        """End the session that a refresh token belongs to, current or replaced, unless it has the id."""
        presented = self.refresh_tokens.decode(refresh_token)
        if presented is not None and presented.session_id != except_id:
            async with self.repository.transaction() as transaction:
                await transaction.execute("delete from auth.sessions where id = $1", presented.session_id)

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
        self,
        transaction: Transaction,
        presented: RefreshToken,
        client: ClientInfo,
        by_client: ClientRefresh | None,
    ) -> IssuedSession | AuthError:
        # The row lock serializes concurrent refreshes of the same session.
        row = await transaction.fetch_row(_SELECT_FOR_UPDATE, presented.session_id)
        if row is None:
            return RefreshSessionNotFoundError()
        grant = _narrow(_grant_of(row["oauth_client_id"], row["oauth_scopes"]), by_client)
        if isinstance(grant, AuthError):
            return grant
        account = await self.repository.find_by_id(transaction, row["user_id"])
        if account is None:
            return RefreshSessionNotFoundError()
        if problem := _refresh_problem(account, row["not_after"], self.clock()):
            return problem
        return await self._rotate_or_repeat(transaction, row, presented, client, account, grant)

    async def _rotate_or_repeat(
        self,
        transaction: Transaction,
        row: asyncpg.Record,
        presented: RefreshToken,
        client: ClientInfo,
        account: Account,
        grant: ClientGrant | None,
    ) -> IssuedSession | AuthError:
        """Decide about a token of a live session, whose row is locked."""
        now = self.clock()
        counter, rotated_at = row["refresh_counter"], row["rotated_at"]
        decision = decide_refresh(
            presented.counter,
            counter,
            rotated_at,
            now=now,
            reuse_interval_s=self.reuse_interval_s,
            # A client has no tabs that refresh at once, and its tokens may be stolen from a server.
            tolerates_parent=grant is None,
        )
        match decision:
            case RefreshDecision.UNKNOWN:
                return RefreshTokenNotFoundError()
            case RefreshDecision.REUSED:
                await self._end_reused(transaction, row["id"], account)
                return RefreshTokenAlreadyUsedError()
            case RefreshDecision.ROTATE:
                counter += 1
                await self._rotate(transaction, row["id"], [now, *rotated_at], client)
            case RefreshDecision.REPEAT if presented.counter < row["assured_counter"]:
                return RefreshTokenAlreadyUsedError()
            case RefreshDecision.REPEAT:
                pass
        claims = SessionClaims(row["id"], row["aal"], tuple(orjson.loads(row["amr"])))
        return self.issue(account, claims, counter, grant)

    async def _end_reused(self, transaction: Transaction, session_id: UUID, account: Account) -> None:
        await transaction.execute("delete from auth.sessions where id = $1", session_id)
        details = {"userId": account.id}
        await record_audit_event(
            transaction, "refresh_token.reused", target_type="session", target_id=str(session_id), details=details
        )

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
            client.device,
        )

    def issue(
        self, account: Account, claims: SessionClaims, counter: int = 0, grant: ClientGrant | None = None
    ) -> IssuedSession:
        """Return the tokens of a session, with what limits them where it is that of an OAuth client."""
        return IssuedSession(
            account,
            self.access_tokens.issue(account, claims, limiting_claims=grant.claims if grant else None),
            self.refresh_tokens.encode(RefreshToken(claims.id, counter)),
            claims.id,
        )


def _refresh_problem(account: Account, not_after: datetime | None, now: datetime) -> AuthError | None:
    if account.is_banned(now):
        return BannedAtSignInError()
    return SessionExpiredError() if not_after is not None and not_after <= now else None


def _grant_of(client_id: UUID | None, scopes: list[str] | None) -> ClientGrant | None:
    return None if client_id is None else ClientGrant(client_id, tuple(scopes or ()))


def _narrow(grant: ClientGrant | None, by_client: ClientRefresh | None) -> ClientGrant | AuthError | None:
    """Return what the new access token may do, or why the refresh token is not for whoever presents it."""
    if grant is None and by_client is None:
        return None
    if grant is None or by_client is None or grant.client_id != by_client.client_id:
        return RefreshTokenNotFoundError()
    if by_client.scopes is None:
        return grant
    if not set(by_client.scopes) <= set(grant.scopes):
        return ScopeNotGrantedError()
    # The refresh token keeps all scopes (RFC 6749 §6).
    return ClientGrant(grant.client_id, by_client.scopes)
