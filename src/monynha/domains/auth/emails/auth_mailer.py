"""Auth mailer: renders and sends the emails of auth."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.emails.email_templates import EmailTemplates
from monynha.domains.auth.emails.redirects import RedirectPolicy
from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken
from monynha.infra.mail import Mailer


@dataclass(frozen=True)
class AuthMailer:
    """Sends one-time tokens and notices; call it after the commit of what it reports."""

    mailer: Mailer
    templates: EmailTemplates
    redirects: RedirectPolicy

    async def send_token(self, token: OneTimeToken, redirect_to: str | None) -> None:
        """Send a one-time token; its link leads on to `redirect_to` where that is allowed."""
        await self.mailer.send(self.templates.token_email(token, self.redirects.resolve(redirect_to)))

    async def send_already_registered(self, email: str) -> None:
        """Tell the owner of a registered address that somebody tried to sign up with it."""
        await self.mailer.send(self.templates.already_registered_email(email))
