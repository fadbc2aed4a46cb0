"""The sign-up gate: who may create an account (`MONYNHA_SIGNUP`), asked by everything that creates one for a client.

By an address: `require_allowed` or `allows`, in the transaction of the new account. Without an address, as anonymous
users and phone numbers: `require_open_to_all`. Admins and the command line do not ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.hooks import InvitationLookup
from monynha.domains.auth.errors import SignUpDisabledError
from monynha.infra.postgres.database import Transaction


class SignUpMode(StrEnum):
    """The values of MONYNHA_SIGNUP: everybody may sign up, nobody, or who is invited."""

    ON = "on"
    OFF = "off"
    INVITED = "invited"


@dataclass(frozen=True, kw_only=True)
class SignUpGate:
    """Decides who may create an account.

    The decision does not depend on whether the address is registered, so that it tells nobody.
    """

    mode: SignUpMode
    repository: AccountRepository
    invitations: Sequence[InvitationLookup] = ()

    @property
    def is_enabled(self) -> bool:
        """Whether anybody at all may create an account."""
        return self.mode is not SignUpMode.OFF

    def require_enabled(self) -> None:
        """Raise SignUpDisabledError where nobody may create an account, before anything else is looked at."""
        if not self.is_enabled:
            raise SignUpDisabledError()

    @property
    def is_open_to_all(self) -> bool:
        """Whether accounts without an email address may be created."""
        return self.mode is SignUpMode.ON

    def require_open_to_all(self) -> None:
        """Raise SignUpDisabledError unless accounts without an email address may be created."""
        if not self.is_open_to_all:
            raise SignUpDisabledError()

    async def allows(self, transaction: Transaction, email: str) -> bool:
        """Whether an account may be created for a normalized address."""
        if self.mode is not SignUpMode.INVITED:
            return self.is_enabled
        for lookup in self.invitations:
            if await lookup.is_invited(transaction, email):
                return True
        account = await self.repository.find_by_email(transaction, email)
        # An admin has invited them; until they have confirmed the address they may sign up with it, as with any.
        return account is not None and account.invited_at is not None and not account.is_verified

    async def require_allowed(self, transaction: Transaction, email: str) -> None:
        """Raise SignUpDisabledError unless an account may be created for a normalized address."""
        if not await self.allows(transaction, email):
            raise SignUpDisabledError()
