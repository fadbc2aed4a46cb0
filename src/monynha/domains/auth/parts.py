"""What the doings of auth work with, put together once."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from monynha.domains.auth.account_rows import AUTH, AccountRows
from monynha.domains.auth.addresses import Redirects
from monynha.domains.auth.letters import Letters
from monynha.domains.auth.one_time import OneTime, OneTimeTokens
from monynha.domains.auth.passwords import Passwords
from monynha.domains.auth.sessions import Sessions
from monynha.domains.auth.tokens import Clock
from monynha.infra.mail import Mailer
from monynha.infra.postgres.database import Database, Transaction


@dataclass(frozen=True)
class Parts:
    """The database, the clock, the mail and the rules that sign-up, sign-in and the like share."""

    database: Database
    rows: AccountRows
    sessions: Sessions
    passwords: Passwords
    one_time: OneTimeTokens
    mailer: Mailer
    letters: Letters
    redirects: Redirects
    clock: Clock
    autoconfirm: bool
    secret: str
    pace_s: float

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction as the part of the program that keeps accounts."""
        return self.database.acting(AUTH).transaction()

    def now(self) -> datetime:
        """Return the time."""
        return self.clock()

    async def post(self, token: OneTime, redirect_to: str | None) -> None:
        """Mail a one-time token."""
        await self.mailer.send(self.letters.of(token, self.redirects.checked(redirect_to)))
