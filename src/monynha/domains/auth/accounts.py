"""Accounts as the rest of the program sees them: sign up, and what the command line does."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import Invalid, NotFound
from monynha.domains.auth.account import Account
from monynha.domains.auth.account_rows import Draft
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.brakes import Brakes
from monynha.domains.auth.email_change import change_email
from monynha.domains.auth.faults import AddressTaken, WeakPassword
from monynha.domains.auth.metadata import merged
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.sessions import Client, Scope
from monynha.domains.auth.sign_up import SignUp, checked, sign_up

ADMIN = {"role": "admin"}


@dataclass(frozen=True)
class Accounts:
    """What others may ask of accounts; it raises the faults of core/errors alone."""

    parts: Parts
    brakes: Brakes

    async def sign_up(self, wanted: SignUp, client: Client) -> Account:
        """Make an account and its profile; counted as a try to sign in.

        What it returns is the answer, not always a row: where sign-ups are confirmed by mail, a taken address
        is answered as a new one. Raises Invalid (by field), Conflict(email=…), RateLimited.
        """
        await self.brakes.sign_in(client.address, wanted.email)
        if not self.parts.autoconfirm:
            await self.brakes.mail(wanted.email)
        return await sign_up(self.parts, wanted)

    async def problems_of(self, password: str) -> dict[str, object]:
        """Return what is wrong with a password, by field; nothing where it will do."""
        try:
            await self.parts.passwords.judge(password)
        except WeakPassword as fault:
            return fault.details
        return {}

    async def change_email(self, user_id: UUID, email: str) -> Account | None:
        """Give an account a new address, at once or once both addresses have confirmed it by mail.

        Raises Invalid for no address, EmailExists for a taken one where it would count at once, RateLimited.
        """
        await self.brakes.change_of_address(user_id)
        if not self.parts.autoconfirm:
            await self.brakes.mail(email)
        return await change_email(self.parts, user_id, email)

    async def set_password(self, email: str, password: str) -> Account:
        """Give an account a new password and end all its sessions; NotFound for an unknown address."""
        normal = await checked(self.parts.passwords, email, password)
        password_hash = await self.parts.passwords.hash(password)
        async with self.parts.transaction() as transaction:
            account = await self.parts.rows.by_email(transaction, normal)
            if account is None:
                raise NotFound(f"There is no account with the address {normal}.")
            await self.parts.sessions.end(transaction, account.id, None, Scope.GLOBAL)
            return await self.parts.rows.change(transaction, account, password_hash=password_hash)

    async def is_known(self, email: str) -> bool:
        """Whether there is an account with the address."""
        async with self.parts.transaction() as transaction:
            return await self.parts.rows.by_email(transaction, normal_email(email)) is not None

    async def add_confirmed(self, email: str, password: str, name: str) -> Account:
        """Make an account whose address counts as confirmed; Conflict for a taken one."""
        normal = await checked(self.parts.passwords, email, password, name)
        password_hash = await self.parts.passwords.hash(password)
        draft = Draft(
            normal, password_hash, email_confirmed_at=self.parts.now(), user_metadata={"name": name}
        )
        async with self.parts.transaction() as transaction:
            account = await self.parts.rows.add(transaction, draft)
        if account is None:
            raise AddressTaken()
        return account

    async def make_admin(self, email: str, password: str | None) -> Account:
        """Make the account a system admin; where there is none, make one, which takes a password."""
        normal = await checked(self.parts.passwords, email, password) if password else normal_email(email)
        password_hash = await self.parts.passwords.hash(password) if password else None
        async with self.parts.transaction() as transaction:
            account = await self.parts.rows.by_email(transaction, normal)
            if account is None:
                if password_hash is None:
                    raise Invalid(password="is needed for a new account")
                draft = Draft(normal, password_hash, email_confirmed_at=self.parts.now(), app_metadata=ADMIN)
                made = await self.parts.rows.add(transaction, draft)
                if made is None:
                    raise Invalid(email="was taken this moment, try again")
                return made
            changes: dict[str, object] = {"app_metadata": merged(account.app_metadata, ADMIN)}
            if password_hash:
                changes["password_hash"] = password_hash
                await self.parts.sessions.end(transaction, account.id, None, Scope.GLOBAL)
            if not account.is_verified:
                changes["email_confirmed_at"] = self.parts.now()
            return await self.parts.rows.change(transaction, account, **changes)
