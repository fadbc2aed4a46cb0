"""What the doings of auth work with, put together once."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from monynha.domains.auth.accounts.account_repository import AUTH_ACTOR, AccountRepository
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.email_address import RedirectPolicy
from monynha.domains.auth.emails.email_templates import EmailTemplates
from monynha.domains.auth.services.sessions import SessionService
from monynha.domains.auth.tokens.access_tokens import Clock
from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, OneTimeTokenStore
from monynha.infra.mail import Mailer
from monynha.infra.postgres.database import Database, Transaction


@dataclass(frozen=True)
class AuthContext:
    """The database, the clock, the mail and the rules that sign-up, sign-in and the like share."""

    database: Database
    repository: AccountRepository
    sessions: SessionService
    passwords: PasswordHasher
    one_time_tokens: OneTimeTokenStore
    mailer: Mailer
    email_templates: EmailTemplates
    redirects: RedirectPolicy
    clock: Clock
    autoconfirm: bool
    secret: str
    response_step_s: float

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction as the part of the program that keeps accounts."""
        return self.database.as_actor(AUTH_ACTOR).transaction()

    def now(self) -> datetime:
        """Return the time."""
        return self.clock()

    async def send_token_email(self, token: OneTimeToken, redirect_to: str | None) -> None:
        """Mail a one-time token."""
        await self.mailer.send(self.email_templates.token_email(token, self.redirects.resolve(redirect_to)))
