"""Which addresses are invited to a project, and so may sign up where sign-up is by invitation."""

from __future__ import annotations

from monynha.infra.postgres.database import Transaction


class InvitedAddresses:
    """Looks for an open invitation whose sender may still add members."""

    async def is_invited(self, transaction: Transaction, email: str) -> bool:
        """Whether the address is invited to a project."""
        return await transaction.fetch_value("select monynha.is_invited_address($1)", email) is True
