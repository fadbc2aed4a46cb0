"""What an account's beginning and change mean for the profile; one transaction holds both."""

from __future__ import annotations

from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction


class ProfileHooks:
    """Writes the profile beside an account."""

    async def on_created(self, transaction: Transaction, account: Account) -> None:
        """Make the profile of a new account."""
        await transaction.execute(
            "insert into public.users (id, email, name, email_verified) values ($1, $2, $3, $4)",
            account.id,
            account.email,
            account.name,
            account.is_verified,
        )

    async def on_changed(self, transaction: Transaction, account: Account) -> None:
        """Carry a changed address or name over; a name that only the profile has stays."""
        if {"email", "verified"} & account.changes:
            await transaction.execute(
                "update public.users set email = $2, email_verified = $3 where id = $1",
                account.id,
                account.email,
                account.is_verified,
            )
        if "name" in account.changes:
            await transaction.execute("update public.users set name = $2 where id = $1", account.id, account.name)
