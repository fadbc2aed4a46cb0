"""What is reported of second factors and passkeys: audit events, and mails to the owner of the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.infra.postgres.database import Transaction


@dataclass(frozen=True)
class FactorEvents:
    """Reports in the transaction of what happens."""

    security_notices: SecurityNotices

    async def record(
        self,
        transaction: Transaction,
        action: str,
        account: Account,
        details: Mapping[str, object],
        *,
        is_by_admin: bool = False,
    ) -> None:
        """Record an action such as `factor.enrolled`; `factor_id` or `passkey_id` of the details is its target."""
        target_type = action.partition(".")[0]
        target_id = details.get("factor_id") or details.get("passkey_id")
        other_details = {name: value for name, value in details.items() if name not in ("factor_id", "passkey_id")}
        await record_audit_event(
            transaction,
            action,
            actor_id=None if is_by_admin else account.id,
            target_type=target_type,
            target_id=str(target_id) if target_id else None,
            details={**other_details, "userId": str(account.id)},
        )

    async def notify(
        self,
        transaction: Transaction,
        account: Account,
        notice: SecurityNotice,
        name: str,
    ) -> None:
        """Tell the owner of the account by mail that a factor or passkey with the name was added or removed."""
        await self.security_notices.queue(transaction, account, notice, {"name": name})
