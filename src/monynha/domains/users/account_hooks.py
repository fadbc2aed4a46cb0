"""Account hooks that keep user profiles in step with accounts, in the same transaction."""

from __future__ import annotations

from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction


class ProfileHooks:
    """Create and update the profile of an account."""

    async def on_created(self, transaction: Transaction, account: Account) -> None:
        """Create the profile of a new account."""
        await transaction.execute(
            "insert into public.users (id, email, name, email_verified, is_provisional) values ($1, $2, $3, $4, $5)",
            account.id,
            account.email,
            account.name,
            account.is_verified,
            account.is_provisional,
        )

    async def on_changed(self, transaction: Transaction, account: Account) -> None:
        """Copy a changed email address or name to the profile; other changes leave the profile as it is."""
        if {"email", "verified", "provisional"} & account.changes:
            await transaction.execute(
                "update public.users set email = $2, email_verified = $3, is_provisional = $4 where id = $1",
                account.id,
                account.email,
                account.is_verified,
                account.is_provisional,
            )
        if "name" in account.changes:
            await transaction.execute("update public.users set name = $2 where id = $1", account.id, account.name)
