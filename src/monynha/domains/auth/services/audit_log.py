"""Audit log service: the audit log in the words of GoTrue, for the holder of the service key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.infra.postgres.database import Database


class _WireAction(NamedTuple):
    name: str
    log_type: str


_WIRE_ACTIONS = {
    "session.created": _WireAction("login", "account"),
    "session.ended": _WireAction("logout", "account"),
    "invitation.accepted": _WireAction("invite_accepted", "account"),
    "user.signed_up": _WireAction("user_signedup", "team"),
    "user.created": _WireAction("user_signedup", "team"),
    "user.invited": _WireAction("user_invited", "team"),
    "user.deleted": _WireAction("user_deleted", "team"),
    "user.updated": _WireAction("user_modified", "user"),
    "email.changed": _WireAction("user_modified", "user"),
    "phone.changed": _WireAction("user_modified", "user"),
    "recovery.requested": _WireAction("user_recovery_requested", "user"),
    "reauthentication.requested": _WireAction("user_reauthenticate_requested", "user"),
    "password.changed": _WireAction("user_updated_password", "user"),
    "refresh_token.reused": _WireAction("token_revoked", "token"),
    "identity.linked": _WireAction("identity_linked", "user"),
    "identity.unlinked": _WireAction("identity_unlinked", "user"),
    "factor.enrolled": _WireAction("factor_in_progress", "factor"),
    "factor.removed": _WireAction("factor_unenrolled", "factor"),
    "factor.verified": _WireAction("verification_attempted", "factor"),
    "factor.updated": _WireAction("factor_updated", "factor"),
    "passkey.created": _WireAction("passkey_created", "user"),
    "passkey.updated": _WireAction("passkey_updated", "user"),
    "passkey.deleted": _WireAction("passkey_deleted", "user"),
}
"""What GoTrue calls an action, and its type; other actions keep their own names."""
_LOG_TYPES = {"sign_in": "account", "session": "account", "token": "token", "factor": "factor"}
_LOG_TYPES |= {"user": "user", "password": "user", "email": "user", "passkey": "user", "identity": "user"}
_OTHER_LOG_TYPE = "team"
"""The type of the other actions, as of a member's role."""

_SELECT_PAGE = """
select e.id, e.action, e.actor_id, e.actor_role, e.target_type, e.target_id, e.details, e.ip, e.created_at,
  emails.email, profile.name
from public.audit_events e
left join public.visible_emails emails on emails.id = e.actor_id
left join public.users profile on profile.id = e.actor_id
where {condition}
order by e.created_at desc, e.id desc limit ${limit_bind} offset ${offset_bind}
"""
_COUNT = """
select count(*) from public.audit_events e
left join public.visible_emails emails on emails.id = e.actor_id
left join public.users profile on profile.id = e.actor_id
where {condition}
"""
_BY_ACTION = "(e.action = any ($1::text[]) or (e.action <> all ($2::text[]) and e.action ilike $3))"
_BY_LOG_TYPE = """(
  e.action = any ($1::text[])
  or (e.action <> all ($2::text[]) and coalesce($3::jsonb ->> split_part(e.action, '.', 1), $4) ilike $5)
)"""
_BY_AUTHOR = "(coalesce(emails.email, e.actor_role) ilike $1 or profile.name ilike $1)"


@dataclass(frozen=True, slots=True)
class AuditLogEntry:
    """An audit event as GoTrue shows it."""

    id: UUID
    created_at: datetime
    ip_address: str
    payload: dict[str, object]


@dataclass(frozen=True)
class AuditLogService:
    """Lists audit events page by page; the database refuses whoever is no admin."""

    database: Database

    async def list_page(
        self, actor: Actor, *, page_number: int, page_size: int, scope: str | None, text: str
    ) -> tuple[Sequence[AuditLogEntry], int]:
        """Return one page (from 1) of the events, newest first, and the number of all.

        `scope` is what must contain the text, ignoring case: `author`, `action` or `type`.
        """
        condition, binds = _condition(scope, text) if scope and text else ("true", ())
        page = _SELECT_PAGE.format(condition=condition, limit_bind=len(binds) + 1, offset_bind=len(binds) + 2)
        async with self.database.as_actor(actor).transaction() as transaction:
            total = await transaction.fetch_value(_COUNT.format(condition=condition), *binds)
            assert isinstance(total, int)  # count(*) is a bigint
            rows = await transaction.fetch_rows(page, *binds, page_size, (page_number - 1) * page_size)
        return [_entry(dict(row)) for row in rows], total


def _condition(scope: str, text: str) -> tuple[str, tuple[object, ...]]:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\x00", "")
    pattern, named = f"%{escaped}%", list(_WIRE_ACTIONS)
    if scope == "author":
        return _BY_AUTHOR, (pattern,)
    if scope == "action":
        matching = [action for action, wire in _WIRE_ACTIONS.items() if text.lower() in wire.name]
        return _BY_ACTION, (matching, named, pattern)
    matching = [action for action, wire in _WIRE_ACTIONS.items() if text.lower() in wire.log_type]
    return _BY_LOG_TYPE, (matching, named, orjson.dumps(_LOG_TYPES).decode(), _OTHER_LOG_TYPE, pattern)


def _entry(row: dict[str, object]) -> AuditLogEntry:
    id, created_at, action = row["id"], row["created_at"], str(row["action"])
    assert isinstance(id, UUID)  # the statement returns a uuid
    assert isinstance(created_at, datetime)  # and a time
    wire = _WIRE_ACTIONS.get(action) or _WireAction(action, _LOG_TYPES.get(action.partition(".")[0], _OTHER_LOG_TYPE))
    traits: dict[str, object] = orjson.loads(str(row["details"]))
    if row["target_id"] is not None:
        traits[f"{row['target_type'] or 'target'}_id"] = row["target_id"]
    payload: dict[str, object] = {
        # As GoTrue shows the holder of an API key: by its role.
        "actor_id": str(row["actor_id"] or UUID(int=0)),
        "actor_username": row["email"] or row["actor_role"],
        "actor_via_sso": False,
        "action": wire.name,
        "log_type": wire.log_type,
    }
    if row["name"]:
        payload["actor_name"] = row["name"]
    if traits:
        payload["traits"] = traits
    return AuditLogEntry(id, created_at, str(row["ip"] or ""), payload)
