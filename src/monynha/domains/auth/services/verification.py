"""Verification service: mails one-time tokens, and signs in whoever returns with the link or the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monynha.core.clock import Clock
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_event_of
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import AuthError, OtpExpiredError, UserBannedError
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.email_change import EmailChangeHalfConfirmed, EmailChangeService
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService, SignOutScope
from monynha.domains.auth.services.sign_up_gate import SignUpGate
from monynha.domains.auth.tokens.one_time_tokens import (
    EMAIL_CHANGE_KINDS,
    ConsumedToken,
    OneTimeToken,
    OneTimeTokenStore,
    PkceChallenge,
    TokenKind,
)
from monynha.infra.postgres.database import Transaction

TOKEN_KINDS_BY_TYPE = {
    "signup": (TokenKind.CONFIRMATION,),
    "invite": (TokenKind.INVITE,),
    "magiclink": (TokenKind.MAGICLINK, TokenKind.CONFIRMATION),
    "recovery": (TokenKind.RECOVERY,),
    "email": (TokenKind.CONFIRMATION, TokenKind.MAGICLINK, TokenKind.INVITE),
    "email_change": EMAIL_CHANGE_KINDS,
}
"""Which kinds of token a verification `type` of the API accepts."""


@dataclass(frozen=True, slots=True)
class TokenEmailRequest:
    """A request for an email with a one-time token."""

    email: str
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None
    locale: str | None = None
    creates_account: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a verified link with a PKCE challenge gives: the client exchanges the code for a session."""

    code: str


VerificationResult = IssuedSession | EmailChangeHalfConfirmed | AuthorizationCode


@dataclass(frozen=True, kw_only=True)
class VerificationService:
    """Sends and verifies one-time tokens.

    Requests for an email have the same outcome and duration for registered and unknown addresses.
    """

    repository: AccountRepository
    one_time_tokens: OneTimeTokenStore
    sessions: SessionService
    email_changes: EmailChangeService
    mailer: AuthMailer
    clock: Clock
    autoconfirm: bool
    sign_up_gate: SignUpGate
    response_step_s: float

    async def send_recovery(self, request: TokenEmailRequest) -> None:
        """Mail a link that signs in, so that the user can set a new password."""
        await self._send_sign_in_token(request, TokenKind.RECOVERY)

    async def send_magic_link(self, request: TokenEmailRequest) -> None:
        """Mail a link and a code that sign in; `creates_account` makes an account for an unknown address."""
        await self._send_sign_in_token(request, TokenKind.MAGICLINK)

    async def resend(self, request: TokenEmailRequest, type: str) -> None:
        """Mail a new confirmation of a sign-up (`signup`) or of an email change (`email_change`)."""
        email = normalize_email(request.email)
        async with equalize_duration(self.response_step_s), self.repository.transaction() as transaction:
            account = await self.repository.find_by_email(transaction, email)
            if account is not None and type == "signup":
                await self._resend_confirmation(transaction, account, request)
            elif account is not None and account.new_email:
                account = await self.email_changes.set_pending(transaction, account, account.new_email)
                await self.email_changes.queue_tokens(
                    transaction,
                    account,
                    challenge=request.challenge,
                    redirect_to=request.redirect_to,
                    locale=request.locale,
                )

    async def follow_link(self, link_token: str, type: str, client: ClientInfo) -> VerificationResult:
        """Consume the token of a link that was opened in a browser, and sign its owner in.

        A token that was requested with a PKCE challenge gives an authorization code instead of a session.
        Raise OtpExpiredError for a token that is unknown or expired.
        """
        async with self.repository.transaction() as transaction:
            token = await self._consume_link(transaction, link_token, type)
            outcome: VerificationResult | AuthError
            account = await self._verify(transaction, token)
            if isinstance(account, Account) and token is not None and token.challenge:
                code = await self.one_time_tokens.issue_authorization_code(
                    transaction, account.id, token.challenge, _method(token)
                )
                outcome = AuthorizationCode(code)
            else:
                outcome = await self._create_session(transaction, account, token, client)
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def verify_token_hash(
        self, link_token: str, type: str, client: ClientInfo
    ) -> IssuedSession | EmailChangeHalfConfirmed:
        """Consume the token of a link that the client sends itself, and sign its owner in."""
        async with self.repository.transaction() as transaction:
            token = await self._consume_link(transaction, link_token, type)
            account = await self._verify(transaction, token)
            outcome = await self._create_session(transaction, account, token, client)
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def verify_code(
        self, email: str, code: str, type: str, client: ClientInfo, *, is_known_device: bool = False
    ) -> IssuedSession | EmailChangeHalfConfirmed:
        """Consume a code that was mailed to the address and sign its owner in; OtpExpiredError if wrong."""
        normalized_email = normalize_email(email)
        async with self.repository.transaction() as transaction:
            token = await self.one_time_tokens.consume_code(
                transaction,
                normalized_email,
                code.strip(),
                TOKEN_KINDS_BY_TYPE.get(type, ()),
                is_known_device=is_known_device,
            )
            account = await self._verify(transaction, _as_requested(token, type))
            outcome = await self._create_session(transaction, account, token, client)
        # Raised after the commit, which keeps the count of wrong codes.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def exchange_code(self, code: str, verifier: str, client: ClientInfo) -> IssuedSession:
        """Return a session for an authorization code and the client's PKCE verifier (RFC 7636 §4.6)."""
        async with self.repository.transaction() as transaction:
            outcome = await self._exchange(transaction, code, verifier, client)
        # Raised after the commit: a code is consumed by a failed attempt too.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    async def _exchange(
        self, transaction: Transaction, code: str, verifier: str, client: ClientInfo
    ) -> IssuedSession | AuthError:
        redeemed = await self.one_time_tokens.redeem_authorization_code(transaction, code, verifier)
        if isinstance(redeemed, AuthError):
            return redeemed
        account = await self.repository.find_by_id(transaction, redeemed.user_id)
        if account is None or account.is_banned(self.clock()):
            return UserBannedError()
        issued = await self.sessions.create_in(transaction, account, client, method=redeemed.method)
        return replace(issued, provider_tokens=redeemed.provider_tokens)

    async def _send_sign_in_token(self, request: TokenEmailRequest, kind: TokenKind) -> None:
        email = normalize_email(request.email)
        async with equalize_duration(self.response_step_s):
            now = self.clock()
            async with self.repository.transaction() as transaction:
                account = await self.repository.find_by_email(transaction, email)
                if account is None and request.creates_account and await self.sign_up_gate.allows(transaction, email):
                    new_account = NewAccount(email, user_metadata=request.metadata, confirmation_sent_at=now)
                    if self.autoconfirm:
                        new_account = replace(new_account, email_confirmed_at=now)
                    account = await self.repository.insert(transaction, new_account)
                    if account is not None:
                        await record_event_of(transaction, "user.signed_up", account)
                if account is None or account.is_banned(now):
                    return
                token = await self.one_time_tokens.issue(
                    transaction, account.id, kind, email, challenge=request.challenge
                )
                await self.repository.update(transaction, account, recovery_sent_at=now)
                await self._queue_token(transaction, token, account, request)
                action = "recovery.requested" if kind is TokenKind.RECOVERY else "magic_link.requested"
                await record_event_of(transaction, action, account)

    async def _resend_confirmation(
        self, transaction: Transaction, account: Account, request: TokenEmailRequest
    ) -> None:
        if account.is_verified:
            return
        await self.repository.update(transaction, account, confirmation_sent_at=self.clock())
        token = await self.one_time_tokens.issue(
            transaction, account.id, TokenKind.CONFIRMATION, account.email or "", challenge=request.challenge
        )
        await self._queue_token(transaction, token, account, request)

    async def _queue_token(
        self, transaction: Transaction, token: OneTimeToken, account: Account, request: TokenEmailRequest
    ) -> None:
        await self.mailer.queue_token(
            transaction, token, account, redirect_to=request.redirect_to, locale=request.locale
        )

    async def _consume_link(self, transaction: Transaction, link_token: str, type: str) -> ConsumedToken | None:
        kinds = TOKEN_KINDS_BY_TYPE.get(type, ())
        return _as_requested(await self.one_time_tokens.consume_link(transaction, link_token, kinds), type)

    async def _create_session(
        self,
        transaction: Transaction,
        account: Account | EmailChangeHalfConfirmed | AuthError,
        token: ConsumedToken | None,
        client: ClientInfo,
    ) -> IssuedSession | EmailChangeHalfConfirmed | AuthError:
        """Return a session for a verified account, any other outcome as it is."""
        if not isinstance(account, Account):
            return account
        return await self.sessions.create_in(transaction, account, client, method=_method(token))

    async def _verify(
        self, transaction: Transaction, token: ConsumedToken | None
    ) -> Account | EmailChangeHalfConfirmed | AuthError:
        """Return the account whose address the token verifies, with the address confirmed."""
        account = await self.repository.find_by_id(transaction, token.user_id) if token else None
        if token is None or account is None:
            await record_failed_code(transaction)
            return OtpExpiredError()
        if account.is_banned(self.clock()):
            return UserBannedError()
        if token.kind in EMAIL_CHANGE_KINDS:
            return await self.email_changes.confirm(transaction, account, token)
        if token.address != account.email:
            # The token was sent to an address that the account no longer has.
            return OtpExpiredError()
        return await self._confirm_email(transaction, account, token.kind)

    async def _confirm_email(self, transaction: Transaction, account: Account, kind: TokenKind) -> Account:
        """Record that the owner of the address has proved to be it, and remove what others may have set before.

        Whoever set a password before need not be the owner: only the confirmation link of that sign-up proves that
        they are. Any other link gives the owner an account of their own, with an id that nobody knows yet.
        """
        locked = await self.repository.find_for_update(transaction, account.id)
        if locked is None or locked.is_verified:
            return locked or account
        now = self.clock()
        if kind is not TokenKind.CONFIRMATION and locked.is_unconfirmed_sign_up and locked.password_hash:
            await self.repository.delete(transaction, locked)
            own_account = NewAccount(locked.email, email_confirmed_at=now)
            replacement = await self.repository.insert(transaction, own_account)
            # The deletion above, in this transaction, has freed the address.
            assert replacement is not None
            return replacement
        await self.sessions.end(transaction, locked.id, None, SignOutScope.GLOBAL)
        password_change = {} if kind is TokenKind.CONFIRMATION else {"password_hash": None}
        return await self.repository.update(transaction, locked, email_confirmed_at=now, **password_change)


async def record_failed_code(transaction: Transaction) -> None:
    """Record in the audit log that a link or code was wrong, used or expired."""
    await record_audit_event(
        transaction, "sign_in.failed", actor_role="anon", details={"method": "otp", "reason": "otp_expired"}
    )


def _method(token: ConsumedToken | None) -> str:
    """Return the authentication method of a session that a token begins."""
    return "recovery" if token is not None and token.kind is TokenKind.RECOVERY else "otp"


def _as_requested(token: ConsumedToken | None, type: str) -> ConsumedToken | None:
    """Return the token as what the client takes it for.

    The token of a sign-up that is presented as a magic link proves the address, not the password of the sign-up.
    """
    return replace(token, kind=TokenKind.MAGICLINK) if token is not None and type == "magiclink" else token
