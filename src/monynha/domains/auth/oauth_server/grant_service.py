"""Grant service: exchanges authorization codes, refreshes tokens and revokes them (RFC 6749 §5, §6, RFC 7009)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import orjson

from monynha.core.clock import Clock
from monynha.core.errors import UnauthenticatedError
from monynha.core.hashes import hash_token
from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository, json_text
from monynha.domains.auth.errors import AuthError, ScopeNotGrantedError
from monynha.domains.auth.oauth_server.authorizations import (
    APPROVED,
    REDEEMED,
    Authorization,
    lock_authorization_by_code,
    mark_ended,
    mark_redeemed,
)
from monynha.domains.auth.oauth_server.clients import OAuthClient, lock_enabled_client
from monynha.domains.auth.oauth_server.errors import OAuthProtocolError, invalid_client, invalid_grant
from monynha.domains.auth.oauth_server.id_tokens import IdTokens
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService
from monynha.domains.auth.tokens.access_tokens import SessionClaims
from monynha.domains.auth.tokens.client_grants import ClientGrant, ClientRefresh
from monynha.infra.postgres.database import Transaction

METHOD = "oauth_provider/authorization_code"
"""The authentication method of a client's session, as upstream calls it."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_INSERT_SESSION = """
insert into auth.sessions (
  user_id, amr, aal, factor_id, user_agent, ip, created_at, not_after, oauth_client_id, oauth_scopes, device
)
select
  $1, $2::jsonb || coalesce(approving.amr, '[]'), coalesce(approving.aal, 'aal1'),
  -- With the factor goes the level that it gave.
  approving.factor_id,
  $3, $4, $5, $6, $7, $8, $10
from auth.users account left join auth.sessions approving on approving.id = $9 and approving.user_id = $1
where account.id = $1
  and ($9::uuid is null or (approving.id is not null and (approving.not_after is null or approving.not_after > $5)))
  -- An ID token signs in elsewhere, where nobody asks for the level: what is refused here must not be there.
  and auth.level_of(
    approving.aal is not distinct from 'aal2', approving.aal, true, account.has_second_factor,
    account.app_metadata ->> 'role' is not distinct from 'admin', false
  ) <> 'insufficient'
returning id, aal, amr, (select created_at from auth.sessions where id = $9) as authenticated_at
"""

_DELETE_SESSION = "delete from auth.sessions where id = $1 and oauth_client_id = $2 returning user_id"


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a client gets for a code or a refresh token."""

    session: IssuedSession
    scopes: tuple[str, ...] | None
    """The scopes of the access token; None where they are those that were granted, which the client knows."""
    is_refreshable: bool
    id_token: str | None = None


@dataclass(frozen=True, slots=True)
class CodeExchange:
    """What a client presents with a code; the redirect URI is optional in OAuth 2.1, since PKCE binds the code."""

    code: str
    verifier: str
    redirect_uri: str | None


@dataclass(frozen=True, kw_only=True)
class GrantService:
    """Issues and revokes the tokens of clients that have authenticated."""

    repository: AccountRepository
    sessions: SessionService
    id_tokens: IdTokens
    clock: Clock

    async def exchange(self, client: OAuthClient, exchange: CodeExchange, info: ClientInfo) -> IssuedTokens:
        """Return tokens for a code; OAuthProtocolError `invalid_grant` unless it is the client's and fits.

        A code works once. One that is presented wrongly works no more, and one that is presented again ends the
        session that it was exchanged for, since somebody holds a copy (RFC 6749 §4.1.2).
        """
        async with self.repository.transaction() as transaction:
            outcome = await self._exchange(transaction, client, exchange, info)
        # Raised after the commit: what a refused code ends must stay ended.
        if isinstance(outcome, OAuthProtocolError):
            raise outcome
        return outcome

    async def refresh(
        self, client: OAuthClient, refresh_token: str, scopes: tuple[str, ...] | None, info: ClientInfo
    ) -> IssuedTokens:
        """Return new tokens; a token that was replaced ends the session. `scopes` may only be fewer."""
        try:
            session = await self.sessions.refresh(refresh_token, info, by_client=ClientRefresh(client.id, scopes))
        except ScopeNotGrantedError as error:
            raise OAuthProtocolError("invalid_scope", error.message) from None
        except AuthError as error:
            raise invalid_grant(error.message) from None
        return IssuedTokens(session, scopes, is_refreshable=True)

    async def revoke(self, client: OAuthClient, token: str) -> None:
        """End the session of a refresh or access token of the client; any other token is left as it is."""
        presented = self.sessions.refresh_tokens.decode(token)
        session_id = presented.session_id if presented else self._session_of_access_token(token)
        if session_id is None:
            return
        async with self.repository.transaction() as transaction:
            user_id = await transaction.fetch_value(_DELETE_SESSION, session_id, client.id)
            if isinstance(user_id, UUID):
                await record_audit_event(
                    transaction,
                    "session.ended",
                    actor_id=user_id,
                    target_type="session",
                    target_id=str(session_id),
                    details={"method": METHOD, "client_id": str(client.id)},
                )

    async def scopes_of(self, session_id: UUID | None) -> tuple[str, ...]:
        """Return the scopes of a session; none for one of the person's own."""
        async with self.repository.transaction() as transaction:
            scopes = await transaction.fetch_value("select oauth_scopes from auth.sessions where id = $1", session_id)
        return tuple(scopes) if isinstance(scopes, list) else ()

    async def _exchange(
        self, transaction: Transaction, client: OAuthClient, exchange: CodeExchange, info: ClientInfo
    ) -> IssuedTokens | OAuthProtocolError:
        # The client before its authorization, in the order in which disabling it locks them.
        if await lock_enabled_client(transaction, client.id) is None:
            return invalid_client()
        authorization = await lock_authorization_by_code(transaction, hash_token(exchange.code))
        if authorization is None:
            return invalid_grant("Invalid authorization code")
        if authorization.status == REDEEMED and authorization.client_id == client.id:
            await transaction.execute("delete from auth.sessions where id = $1", authorization.session_id)
            await self._record(transaction, "oauth_code.reused", client, authorization)
            return invalid_grant("Authorization code was already used")
        if problem := _problem_with(authorization, client, exchange):
            if authorization.status == APPROVED:
                await mark_ended(transaction, authorization.id, "void")
            return problem
        if authorization.expires_at <= self.clock():
            return invalid_grant("Authorization code has expired")
        assert authorization.user_id is not None  # only a person who has opened it can have approved it
        account = await self.repository.find_by_id(transaction, authorization.user_id)
        if account is None or account.is_banned(self.clock()):
            return invalid_grant("The person's account is not active")
        return await self._issue(transaction, client, authorization, account, info)

    async def _issue(
        self,
        transaction: Transaction,
        client: OAuthClient,
        authorization: Authorization,
        account: Account,
        info: ClientInfo,
    ) -> IssuedTokens | OAuthProtocolError:
        now = self.clock()
        grant = ClientGrant(client.id, authorization.scopes)
        is_refreshable = "refresh_token" in client.grant_types
        row = await transaction.fetch_row(
            _INSERT_SESSION,
            account.id,
            json_text([{"method": METHOD, "timestamp": int(now.timestamp())}]),
            info.stored_user_agent,
            info.ip,
            now,
            None if is_refreshable else now + timedelta(seconds=self.sessions.access_tokens.ttl_s),
            client.id,
            list(grant.scopes),
            authorization.approved_in,
            client.name or "Application",
        )
        if row is None:
            return invalid_grant("The session in which it was approved has ended, or lacks a second factor")
        await mark_redeemed(transaction, authorization.id, row["id"], now)
        await self._record(transaction, "session.created", client, replace(authorization, session_id=row["id"]))
        claims = SessionClaims(row["id"], row["aal"], tuple(orjson.loads(row["amr"])))
        id_token = self.id_tokens.issue(
            account,
            client.id,
            grant.scopes,
            nonce=authorization.nonce,
            authenticated_at=row["authenticated_at"] or now,
        )
        session = self.sessions.issue(account, claims, grant=grant)
        return IssuedTokens(session, grant.scopes, is_refreshable, id_token)

    async def _record(
        self, transaction: Transaction, action: str, client: OAuthClient, authorization: Authorization
    ) -> None:
        await record_audit_event(
            transaction,
            action,
            actor_id=authorization.user_id,
            target_type="session",
            target_id=str(authorization.session_id),
            details={"method": METHOD, "client_id": str(client.id), "scopes": authorization.scopes},
        )

    def _session_of_access_token(self, token: str) -> UUID | None:
        try:
            return self.sessions.access_tokens.verify(token).session_id
        except UnauthenticatedError:
            return None


def _problem_with(
    authorization: Authorization, client: OAuthClient, exchange: CodeExchange
) -> OAuthProtocolError | None:
    if authorization.client_id != client.id:
        return invalid_grant("Authorization code was not issued for this client")
    if authorization.status != APPROVED:
        return invalid_grant("Invalid authorization code")
    if exchange.redirect_uri is not None and exchange.redirect_uri != authorization.redirect_uri:
        return invalid_grant("redirect_uri is not that of the authorization request")
    if not _VERIFIER.fullmatch(exchange.verifier) or not authorization.challenge.matches(exchange.verifier):
        return invalid_grant("PKCE verification failed: code_verifier does not match the challenge")
    return None
