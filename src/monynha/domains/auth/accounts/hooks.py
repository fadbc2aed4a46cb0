"""What later domains do when an account appears or changes."""

from __future__ import annotations

from typing import Protocol

from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction


class AccountHook(Protocol):
    """Something that happens in the same transaction as the change of an account.

    The transaction is the system actor's "auth": a table it writes needs a policy for that actor.
    """

    async def on_created(self, transaction: Transaction, account: Account) -> None:
        """Do what a new account asks for, as writing its profile."""

    async def on_changed(self, transaction: Transaction, account: Account) -> None:
        """Do what a change asks for; `account.changes` holds what it touched: `email`, `name`, `verified`."""
