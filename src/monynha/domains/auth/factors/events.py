"""What is reported of second factors and passkeys: audit events and security notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction


class FactorEvents(Protocol):
    """Records what happens to factors and passkeys in the transaction in which it does."""

    async def record(
        self, transaction: Transaction, action: str, account: Account, details: Mapping[str, object]
    ) -> None:
        """Record an action such as `factor.enrolled` in the audit log."""

    async def notify(
        self, transaction: Transaction, account: Account, kind: str, details: Mapping[str, object]
    ) -> None:
        """Tell the owner of the account by mail: `factor_added` or `factor_removed`."""


class SilentFactorEvents:
    """Reports nothing."""

    async def record(
        self, transaction: Transaction, action: str, account: Account, details: Mapping[str, object]
    ) -> None:
        """Do nothing."""

    async def notify(
        self, transaction: Transaction, account: Account, kind: str, details: Mapping[str, object]
    ) -> None:
        """Do nothing."""
