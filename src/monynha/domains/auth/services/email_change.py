"""Email change service: changes an account's address at once, or after both addresses have confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_own_event
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.metadata import with_provider
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import AuthError, EmailExistsError, OtpExpiredError
from monynha.domains.auth.tokens.one_time_tokens import (
    EMAIL_CHANGE_KINDS,
    ConsumedToken,
    OneTimeTokenStore,
    PkceChallenge,
    TokenKind,
)
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_DELETE_TOKENS = "delete from auth.one_time_tokens where user_id = $1 and kind = any($2)"


@dataclass(frozen=True, slots=True)
class EmailChangeHalfConfirmed:
    """One of the two addresses has confirmed the change, the other has not yet."""


@dataclass(frozen=True, kw_only=True)
class EmailChangeService:
    """Changes email addresses: at once with `autoconfirm`, else by emails to the old and the new address."""

    repository: AccountRepository
    one_time_tokens: OneTimeTokenStore
    mailer: AuthMailer
    security_notices: SecurityNotices
    clock: Clock
    autoconfirm: bool

    async def change_email(self, user_id: UUID, email: str, *, locale: str | None = None) -> Account | None:
        """Change the address in a transaction of its own, or queue the emails that confirm it.

        Return None for an unknown account. Raise ValidationFailedError for an invalid address and, with
        `autoconfirm`, EmailExistsError for a registered one.
        """
        normalized_email = normalize_email(email)
        async with self.repository.transaction() as transaction:
            account = await self.repository.find_by_id(transaction, user_id)
            if account is None:
                return None
            return await self.start(transaction, account, normalized_email, locale=locale)

    async def start(
        self,
        transaction: Transaction,
        account: Account,
        email: str,
        *,
        challenge: PkceChallenge | None = None,
        redirect_to: str | None = None,
        locale: str | None = None,
    ) -> Account:
        """Change the address, or queue the emails with the tokens that confirm it."""
        if email == account.email:
            return account
        if self.autoconfirm:
            return await self._set_email(transaction, account, email)
        await self.one_time_tokens.invalidate(transaction, account.id, EMAIL_CHANGE_KINDS)
        account = await self.set_pending(transaction, account, email)
        await self.queue_tokens(transaction, account, challenge=challenge, redirect_to=redirect_to, locale=locale)
        return account

    async def set_pending(self, transaction: Transaction, account: Account, new_email: str) -> Account:
        """Record the new address that both addresses have to confirm."""
        await record_own_event(transaction, "email_change.requested", account)
        return await self.repository.update(
            transaction,
            account,
            new_email=new_email,
            email_change_sent_at=self.clock(),
            is_email_change_half_confirmed=False,
        )

    async def queue_tokens(
        self,
        transaction: Transaction,
        account: Account,
        *,
        challenge: PkceChallenge | None,
        redirect_to: str | None,
        locale: str | None,
    ) -> None:
        """Queue an email with a token to each of the two addresses of a pending change.

        A registered new address gets the response of a free one, but no token: only its owner could confirm.
        """
        kinds_and_emails = []
        if account.email:
            kinds_and_emails.append((TokenKind.EMAIL_CHANGE_CURRENT, account.email))
        if account.new_email and await self.repository.find_by_email(transaction, account.new_email) is None:
            kinds_and_emails.append((TokenKind.EMAIL_CHANGE_NEW, account.new_email))
        for kind, email in kinds_and_emails:
            token = await self.one_time_tokens.issue(transaction, account.id, kind, email, challenge=challenge)
            await self.mailer.queue_token(transaction, token, account, redirect_to=redirect_to, locale=locale)

    async def confirm(
        self, transaction: Transaction, account: Account, token: ConsumedToken
    ) -> Account | EmailChangeHalfConfirmed | AuthError:
        """Record that one of the addresses confirms, and change the address once both have."""
        new_email = account.new_email
        expected_email = account.email if token.kind is TokenKind.EMAIL_CHANGE_CURRENT else new_email
        if new_email is None or token.address != expected_email:
            return OtpExpiredError()
        if account.email and not account.is_email_change_half_confirmed:
            await self.repository.update(transaction, account, is_email_change_half_confirmed=True)
            return EmailChangeHalfConfirmed()
        return await self._set_email(transaction, account, new_email)

    async def _set_email(self, transaction: Transaction, account: Account, email: str) -> Account:
        await record_own_event(transaction, "email.changed", account)
        await self.security_notices.queue(transaction, account, SecurityNotice.EMAIL_CHANGED, {"new_email": email})
        await self._delete_tokens(transaction, account, tuple(TokenKind))
        try:
            return await self.repository.update(
                transaction,
                account,
                email=email,
                email_confirmed_at=self.clock(),
                new_email=None,
                is_email_change_half_confirmed=False,
                app_metadata=with_provider(account.app_metadata, "email"),
            )
        except ConstraintViolationError as error:
            if error.kind == "unique":
                raise EmailExistsError() from None
            raise

    async def _delete_tokens(self, transaction: Transaction, account: Account, kinds: tuple[TokenKind, ...]) -> None:
        await transaction.execute(_DELETE_TOKENS, account.id, [kind.value for kind in kinds])
