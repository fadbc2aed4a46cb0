"""Admin link service: one-time links for an admin to hand over, and invitations that are mailed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.errors import ConflictError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_event_of
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import (
    EmailExistsError,
    InvalidAuthRequestError,
    UserBannedError,
    UserNotFoundError,
)
from monynha.domains.auth.services.email_change import EmailChangeService
from monynha.domains.auth.tokens.one_time_tokens import (
    EMAIL_CHANGE_KINDS,
    OneTimeToken,
    OneTimeTokenStore,
    TokenKind,
)
from monynha.infra.postgres.database import Transaction

_TOKEN_KINDS = {
    "signup": TokenKind.CONFIRMATION,
    "magiclink": TokenKind.MAGICLINK,
    "recovery": TokenKind.RECOVERY,
    "invite": TokenKind.INVITE,
    "email_change_current": TokenKind.EMAIL_CHANGE_CURRENT,
    "email_change_new": TokenKind.EMAIL_CHANGE_NEW,
}


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """A link that an admin requests; `type` is a key of the API, as `magiclink`."""

    type: str
    email: str
    password: str | None = field(default=None, repr=False)
    new_email: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AdminLinkService:
    """Generates one-time links for admins, and mails invitations."""

    repository: AccountRepository
    passwords: PasswordHasher
    one_time_tokens: OneTimeTokenStore
    email_changes: EmailChangeService
    mailer: AuthMailer
    clock: Clock

    async def invite(
        self, email: str, data: Mapping[str, object], *, redirect_to: str | None = None, locale: str | None = None
    ) -> Account:
        """Create an account for the address and mail it an invitation; EmailExistsError if registered."""
        request = LinkRequest("invite", normalize_email(email), data=data)
        async with self.repository.transaction() as transaction:
            account, token = await self._issue(transaction, request, TokenKind.INVITE)
            await self.mailer.queue_token(transaction, token, account, redirect_to=redirect_to, locale=locale)
            await record_event_of(transaction, "user.invited", account)
            return account

    async def send_recovery(self, user_id: UUID, *, locale: str | None = None) -> None:
        """Mail the owner of an account a link that signs in, to set a new password.

        Raise UserNotFoundError, UserBannedError, or ConflictError for an account without an address.
        """
        now = self.clock()
        async with self.repository.transaction() as transaction:
            account = await self.repository.find_for_update(transaction, user_id)
            if account is None:
                raise UserNotFoundError()
            if account.is_banned(now):
                raise UserBannedError()
            if account.email is None:
                raise ConflictError(email="is missing: there is nowhere to send a link to")
            token = await self.one_time_tokens.issue(transaction, account.id, TokenKind.RECOVERY, account.email)
            await self.repository.update(transaction, account, recovery_sent_at=now)
            await self.mailer.queue_token(transaction, token, account, locale=locale)

    async def generate_link(self, request: LinkRequest) -> tuple[Account, OneTimeToken]:
        """Return an account and a one-time token for it.

        Types that start an account create it: `signup`, `invite` and `magiclink`. Raise UserNotFoundError,
        EmailExistsError or InvalidAuthRequestError where the type does not fit the account.
        """
        kind = _TOKEN_KINDS.get(request.type)
        if kind is None:
            raise InvalidAuthRequestError(f"Invalid email action link type requested: {request.type[:50]!r}")
        password_hash = None
        if kind is TokenKind.CONFIRMATION:
            if not request.password:
                raise InvalidAuthRequestError("Signup requires a valid password")
            await self.passwords.validate(request.password, request.email)
            password_hash = await self.passwords.hash(request.password)
        normalized_request = replace(request, email=normalize_email(request.email))
        async with self.repository.transaction() as transaction:
            account, token = await self._issue(transaction, normalized_request, kind, password_hash)
            await record_event_of(transaction, "sign_in_link.generated", account, {"type": request.type})
            return account, token

    async def _issue(
        self, transaction: Transaction, request: LinkRequest, kind: TokenKind, password_hash: str | None = None
    ) -> tuple[Account, OneTimeToken]:
        """Return an account and a token of the kind for it; the address of the request is normalized."""
        account = await self.repository.find_by_email(transaction, request.email)
        if kind in EMAIL_CHANGE_KINDS:
            return await self._email_change_link(transaction, account, kind, request.new_email)
        if account is None:
            account = await self._create_account(
                transaction, request.email, kind, password_hash=password_hash, data=request.data
            )
        elif kind in (TokenKind.CONFIRMATION, TokenKind.INVITE) and account.is_verified:
            # An account that is not confirmed yet may get another link.
            raise EmailExistsError()
        elif password_hash is not None:
            # The link proves this password, not that of an earlier sign-up.
            account = await self.repository.update(transaction, account, password_hash=password_hash)
        return account, await self.one_time_tokens.issue(transaction, account.id, kind, request.email)

    async def _create_account(
        self,
        transaction: Transaction,
        email: str,
        kind: TokenKind,
        *,
        password_hash: str | None,
        data: Mapping[str, object],
    ) -> Account:
        if kind is TokenKind.RECOVERY:
            raise UserNotFoundError()
        now = self.clock()
        new_account = NewAccount(
            email,
            password_hash,
            invited_at=now if kind is TokenKind.INVITE else None,
            confirmation_sent_at=now,
            user_metadata=data,
            has_sign_up_claims=False,
        )
        account = await self.repository.insert(transaction, new_account)
        if account is None:
            raise EmailExistsError()
        return account

    async def _email_change_link(
        self, transaction: Transaction, account: Account | None, kind: TokenKind, new_email: str | None
    ) -> tuple[Account, OneTimeToken]:
        if account is None:
            raise UserNotFoundError()
        if not new_email:
            raise InvalidAuthRequestError("new_email is required")
        new_email = normalize_email(new_email)
        if await self.repository.find_by_email(transaction, new_email) is not None:
            raise EmailExistsError()
        # The two links of one change are requested one after the other: a pending change continues.
        if account.new_email != new_email:
            account = await self.email_changes.set_pending(transaction, account, new_email)
        recipient = new_email if kind is TokenKind.EMAIL_CHANGE_NEW else account.email or ""
        return account, await self.one_time_tokens.issue(transaction, account.id, kind, recipient)
