"""Audit events about accounts: what somebody did with their own, and what was done to one by whoever the request is."""

from __future__ import annotations

from collections.abc import Mapping

from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction


async def record_own_event(
    transaction: Transaction, action: str, account: Account, details: Mapping[str, object] | None = None
) -> None:
    """Record what the owner of an account did, whether a request has their token yet or not."""
    await record_audit_event(
        transaction, action, actor_id=account.id, target_type="user", target_id=str(account.id), details=details
    )


async def record_event_of(
    transaction: Transaction, action: str, account: Account, details: Mapping[str, object] | None = None
) -> None:
    """Record what the actor of the request did to an account: an admin, the program itself, or somebody unknown."""
    await record_audit_event(transaction, action, target_type="user", target_id=str(account.id), details=details)
