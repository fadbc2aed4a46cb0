"""Records audit events; address, user agent and request id are those of the current request."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import orjson

from monynha.core.request_context import current_request
from monynha.infra.postgres.database import Transaction

_RECORD = "select monynha.record_audit_event($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9)"


async def record_audit_event(
    transaction: Transaction,
    action: str,
    *,
    actor_id: UUID | None = None,
    target_type: str | None = None,
    target_id: str | None = None,
    details: Mapping[str, object] | None = None,
    actor_role: str | None = None,
) -> None:
    """Record that something happened (`<noun>.<past participle>`) if the transaction commits.

    A failure that is reported by an error needs a transaction that commits all the same. In a transaction of a user
    the actor is that user, whatever is passed; elsewhere it defaults to the actor of the current request. `actor_role`
    is `authenticated` where there is an `actor_id`, else `anon` for a request without credentials and `system` for the
    program itself. `details` hold no secrets; over 8 kB they are dropped.
    """
    request = current_request()
    if actor_role is None:
        actor_role = "authenticated" if actor_id else "anon" if request else "system"
        if actor_id is None and request and request.actor:
            actor_id, actor_role = request.actor.id, request.actor.kind
    origin = (request.ip, request.user_agent, request.request_id) if request else (None, None, None)
    details_json = orjson.dumps(details or {}, default=str).decode()
    await transaction.execute(_RECORD, action, actor_id, actor_role, target_type, target_id, details_json, *origin)
