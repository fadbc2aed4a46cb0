"""Sessions: opened by a proof, kept by refresh tokens, ended by signing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from monynha.domains.auth.account import Account
from monynha.domains.auth.account_rows import AUTH, AccountRows, json_text
from monynha.domains.auth.faults import (
    AuthFault,
    BannedAtSignIn,
    RefreshTokenAlreadyUsed,
    RefreshTokenNotFound,
    SessionEnded,
    SessionExpired,
)
from monynha.domains.auth.refresh import REMEMBERED_ROTATIONS, RefreshToken, RefreshTokens, Verdict, judge
from monynha.domains.auth.tokens import AccessToken, AccessTokens, Clock, Session
from monynha.infra.postgres.database import Database, Transaction

_OPEN = """
insert into auth.sessions (user_id, amr, user_agent, ip, created_at) values ($1, $2::jsonb, $3, $4, $5)
returning id
"""
_SIGNED_IN = "update auth.identities set last_sign_in_at = $2 where user_id = $1 and provider = 'email'"
_LOCKED = """
select id, user_id, aal, amr, refresh_counter, rotated_at, not_after from auth.sessions where id = $1
for update
"""
_ROTATE = """
update auth.sessions
set refresh_counter = refresh_counter + 1, rotated_at = $2, refreshed_at = $3, user_agent = $4, ip = $5
where id = $1
"""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What somebody who is signed in holds."""

    account: Account
    access: AccessToken
    refresh_token: str
    session_id: UUID


class Scope(StrEnum):
    """Which sessions a sign-out ends."""

    GLOBAL = "global"
    LOCAL = "local"
    OTHERS = "others"


_ENDS = {
    Scope.GLOBAL: "delete from auth.sessions where user_id = $1",
    Scope.LOCAL: "delete from auth.sessions where user_id = $1 and id = $2",
    Scope.OTHERS: "delete from auth.sessions where user_id = $1 and id is distinct from $2",
}


@dataclass(frozen=True)
class Sessions:
    """Opens, refreshes and ends sessions."""

    database: Database
    rows: AccountRows
    access: AccessTokens
    refresh_tokens: RefreshTokens
    clock: Clock
    reuse_interval_s: int

    async def open(
        self, transaction: Transaction, account: Account, client: Client, *, method: str, **changes: object
    ) -> SignedIn:
        """Open a session for somebody who has just proven by the method who they are."""
        now = self.clock()
        if account.is_banned(now):
            raise BannedAtSignIn()
        amr = [{"method": method, "timestamp": int(now.timestamp())}]
        agent = client.user_agent[:500].replace("\x00", "")
        session_id = await transaction.value(_OPEN, account.id, json_text(amr), agent, client.address, now)
        await transaction.run(_SIGNED_IN, account.id, now)
        account = await self.rows.change(transaction, account, last_sign_in_at=now, **changes)
        return self._held(account, Session(session_id, "aal1", tuple(amr)), 0)

    async def refresh(self, text: str, client: Client) -> SignedIn:
        """Give the next pair of tokens for a refresh token; a copied one ends its session."""
        shown = self.refresh_tokens.read(text)
        if shown is None:
            raise RefreshTokenNotFound()
        async with self.database.acting(AUTH).transaction() as transaction:
            outcome = await self._refreshed(transaction, shown, client)
        # Raised after the commit: the end of a session must last although the answer is an error.
        if isinstance(outcome, AuthFault):
            raise outcome
        return outcome

    async def end(
        self, transaction: Transaction, user_id: UUID, session_id: UUID | None, scope: Scope
    ) -> None:
        """Sign out; the access tokens of an ended session are refused from now on."""
        binds = (user_id,) if scope is Scope.GLOBAL else (user_id, session_id)
        await transaction.run(_ENDS[scope], *binds)

    async def _refreshed(
        self, transaction: Transaction, shown: RefreshToken, client: Client
    ) -> SignedIn | AuthFault:
        # The lock lets two refreshes of one token through one after the other.
        row = await transaction.row(_LOCKED, shown.session_id)
        if row is None:
            return SessionEnded()
        account = await self.rows.by_id(transaction, row["user_id"])
        now = self.clock()
        if account is None:
            return SessionEnded()
        if account.is_banned(now):
            return BannedAtSignIn()
        if row["not_after"] is not None and row["not_after"] <= now:
            return SessionExpired()
        return await self._judged(transaction, account, dict(row), shown=shown, client=client, now=now)

    async def _judged(
        self,
        transaction: Transaction,
        account: Account,
        row: Mapping[str, Any],
        *,
        shown: RefreshToken,
        client: Client,
        now: datetime,
    ) -> SignedIn | AuthFault:
        current, rotated_at = row["refresh_counter"], row["rotated_at"]
        match judge(shown.counter, current, rotated_at, now=now, reuse_interval_s=self.reuse_interval_s):
            case Verdict.UNKNOWN:
                return RefreshTokenNotFound()
            case Verdict.REUSED:
                await transaction.run("delete from auth.sessions where id = $1", row["id"])
                return RefreshTokenAlreadyUsed()
            case Verdict.ROTATE:
                current += 1
                recent = [now, *rotated_at][:REMEMBERED_ROTATIONS]
                agent = client.user_agent[:500].replace("\x00", "")
                await transaction.run(_ROTATE, row["id"], recent, now, agent, client.address)
            case Verdict.REPEAT:
                pass
        session = Session(row["id"], row["aal"], tuple(orjson.loads(row["amr"])))
        return self._held(account, session, current)

    def _held(self, account: Account, session: Session, counter: int) -> SignedIn:
        return SignedIn(
            account,
            self.access.mint(account, session),
            self.refresh_tokens.write(RefreshToken(session.id, counter)),
            session.id,
        )
