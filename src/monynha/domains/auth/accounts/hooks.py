"""Account hooks: what later domains do when an account is created or changed."""

from __future__ import annotations

from typing import Protocol

from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction


class AccountHook(Protocol):
    """Runs in the same transaction as the change of an account.

    The transaction's actor is the system actor "auth": a table that a hook writes needs a policy for it.
    """

    async def on_created(self, transaction: Transaction, account: Account) -> None:
        """Handle a new account, as by inserting its profile."""

    async def on_changed(self, transaction: Transaction, account: Account) -> None:
        """Handle a changed account; `account.changes` names what changed: `email`, `name`, `verified`,
        `provisional`."""
