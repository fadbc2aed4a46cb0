"""Actions on sessions, for REST and GraphQL alike: end all of the caller, or all but the current one."""

from __future__ import annotations

from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.retries import with_retries

END_ALL_NAME = "endAllSessions"
END_ALL_DESCRIPTION = "Sign out everywhere, here too. Returns how many sessions have ended."
END_OTHERS_NAME = "endOtherSessions"
END_OTHERS_DESCRIPTION = "Sign out everywhere else. Returns how many sessions have ended."
# The view shows those of the caller alone.
_END_ALL = "delete from public.sessions"
_END_OTHERS = f"{_END_ALL} where not is_current"


async def end_all_sessions(connection: ActorConnection) -> int:
    """End all sessions of the caller and return how many; their access tokens are refused from the commit on."""
    return await _execute(connection, _END_ALL)


async def end_other_sessions(connection: ActorConnection) -> int:
    """End all sessions of the caller but the current one and return how many."""
    return await _execute(connection, _END_OTHERS)


async def _execute(connection: ActorConnection, statement: str) -> int:
    async def attempt(connection: ActorConnection) -> int:
        async with connection.transaction() as transaction:
            return await transaction.execute(statement)

    return await with_retries(connection, attempt)
