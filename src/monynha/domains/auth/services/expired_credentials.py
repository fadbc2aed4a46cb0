"""Deletes sessions, tokens, codes and challenges that have expired, and devices and applications that nobody uses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monynha.core.actor import system_actor
from monynha.infra.postgres.database import Database

BATCH_SIZE = 1000
"""How many sessions are deleted in one transaction: each writes an event."""

_DELETE_SESSIONS = """
delete from auth.sessions where id = any (array(
  select id from auth.sessions where not_after <= $1 limit $2 for update skip locked
))
"""
_DELETE_ONE_TIME_TOKENS = "delete from auth.one_time_tokens where expires_at <= $1"
_DELETE_CHALLENGES = "delete from auth.factor_challenges where expires_at <= $1"
_DELETE_AUTHORIZATION_CODES = "delete from auth.authorization_codes where expires_at <= $1"
_DELETE_KNOWN_DEVICES = "delete from auth.known_devices where last_seen_at <= $1"
_KNOWN_FOR = timedelta(days=400)
"""Longer than a year, as somebody may sign in from a place once a year."""
_DELETE_OAUTH_FLOWS = "delete from auth.oauth_flows where expires_at <= $1"
_DELETE_OAUTH_AUTHORIZATIONS = "delete from auth.oauth_authorizations where expires_at <= $1"
_DELETE_UNUSED_CLIENTS = """
delete from auth.oauth_clients client
where registration_type = 'dynamic' and updated_at <= $1
  and not exists (select from auth.oauth_consents consent where consent.client_id = client.id)
  and not exists (select from auth.oauth_authorizations pending where pending.client_id = client.id)
"""
UNUSED_CLIENT_TTL = timedelta(days=7)
"""How long an application that registered itself is kept although nobody has consented to it."""

_DELETE_EXPIRED = (
    _DELETE_AUTHORIZATION_CODES,
    _DELETE_OAUTH_AUTHORIZATIONS,
    _DELETE_CHALLENGES,
    _DELETE_OAUTH_FLOWS,
    _DELETE_ONE_TIME_TOKENS,
)


@dataclass(frozen=True)
class ExpiredCredentials:
    """What no longer lets anybody in."""

    database: Database
    batch_size: int = BATCH_SIZE

    async def delete_sessions(self, now: datetime) -> int:
        """Delete the sessions that ended by their time limit; return how many."""
        total = 0
        while True:
            deleted = await self._execute(_DELETE_SESSIONS, now, self.batch_size)
            total += deleted
            if deleted < self.batch_size:
                return total

    async def delete_tokens(self, now: datetime) -> int:
        """Delete the one-time tokens, codes, challenges and visits to providers that expired; return how many."""
        return sum([await self._execute(statement, now) for statement in _DELETE_EXPIRED])

    async def delete_known_devices(self, now: datetime) -> int:
        """Delete the devices from which nobody has signed in for 400 days; return how many."""
        return await self._execute(_DELETE_KNOWN_DEVICES, now - _KNOWN_FOR)

    async def delete_unused_clients(self, now: datetime) -> int:
        """Delete the applications that registered themselves and that nobody lets act for them; return how many."""
        return await self._execute(_DELETE_UNUSED_CLIENTS, now - UNUSED_CLIENT_TTL)

    async def _execute(self, statement: str, *binds: object) -> int:
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            return await transaction.execute(statement, *binds)
