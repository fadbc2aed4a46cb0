"""Auth mailer: queues the emails of auth, in the transaction of what they report."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.clock import Clock
from monynha.core.locales import DEFAULT_LOCALE, match_locale
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.emails.action_links import ActionLinks
from monynha.domains.auth.emails.redirects import RedirectPolicy
from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, TokenKind
from monynha.infra.mail import EMAIL_QUEUE, EmailPayload, enqueue_email
from monynha.infra.postgres.database import Transaction

_TEMPLATES = {
    TokenKind.CONFIRMATION: "confirmation",
    TokenKind.INVITE: "invite",
    TokenKind.MAGICLINK: "magic_link",
    TokenKind.RECOVERY: "recovery",
    TokenKind.EMAIL_CHANGE_CURRENT: "email_change_current",
    TokenKind.EMAIL_CHANGE_NEW: "email_change_new",
    TokenKind.REAUTHENTICATION: "reauthentication",
}

_PRIORITY = 1
"""Before mails for which nobody waits, as reports are."""


@dataclass(frozen=True)
class AuthMailer:
    """Queues one-time tokens and notices; an email is sent if and only if the transaction commits.

    No email names whom a sign-up says it is: anybody may sign up with an address of others, and would have us send
    them a text of their own.
    """

    links: ActionLinks
    redirects: RedirectPolicy
    clock: Clock
    queue: str = EMAIL_QUEUE

    async def queue_token(
        self,
        transaction: Transaction,
        token: OneTimeToken,
        account: Account,
        *,
        redirect_to: str | None = None,
        locale: str | None = None,
    ) -> None:
        """Queue a one-time token of the account; its link leads on to `redirect_to` where that is allowed.

        The language is that of the account's metadata (`locale`), else `locale`.
        """
        data: dict[str, object] = {
            "locale": locale_of(account) or locale or DEFAULT_LOCALE,
            "code": token.code,
            "valid_hours": int(token.kind.ttl.total_seconds() // 3600),
            "expires_at": (self.clock() + token.kind.ttl).isoformat(),
        }
        if token.kind is not TokenKind.REAUTHENTICATION:
            data["path"] = self.links.path(token, self.redirects.resolve(redirect_to))
        if token.kind is TokenKind.EMAIL_CHANGE_CURRENT:
            data["new_email"] = account.new_email
        await self._enqueue(transaction, EmailPayload(token.address, _TEMPLATES[token.kind], data))

    async def queue_already_registered(self, transaction: Transaction, email: str, *, locale: str | None) -> None:
        """Queue the notice to the owner of a registered address that somebody tried to sign up with it."""
        data = {"locale": locale or DEFAULT_LOCALE}
        await self._enqueue(transaction, EmailPayload(email, "already_registered", data))

    async def _enqueue(self, transaction: Transaction, payload: EmailPayload) -> None:
        await enqueue_email(transaction, payload, queue=self.queue, priority=_PRIORITY)


def locale_of(account: Account) -> str | None:
    """Return the language that the account's metadata names (`locale`); None for none, or one we do not have."""
    locale = account.user_metadata.get("locale")
    return match_locale(locale) if isinstance(locale, str) else None
