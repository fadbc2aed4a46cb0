"""Account hooks: what later domains do when an account is created or changed, and whom they have invited."""

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


class InvitationLookup(Protocol):
    """Knows the addresses that a later domain has invited, which may sign up where sign-up is by invitation."""

    async def is_invited(self, transaction: Transaction, email: str) -> bool:
        """Whether a normalized address is invited at present; the transaction's actor is the system actor "auth"."""
