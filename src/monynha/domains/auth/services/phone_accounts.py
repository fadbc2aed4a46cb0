"""Phone account service: sign-up with a number and a password, and codes by text message that sign in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_own_event
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.errors import (
    AuthError,
    OtpExpiredError,
    UserAlreadyExistsError,
    UserBannedError,
)
from monynha.domains.auth.phone.errors import PhoneSignInDisabledError, PhoneSignUpDisabledError
from monynha.domains.auth.phone.phone_number import normalize_phone
from monynha.domains.auth.phone.text_messages import TextMessages
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.phone_change import PhoneChangeService
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService, SignOutScope
from monynha.domains.auth.services.sign_up_gate import SignUpGate
from monynha.domains.auth.services.verification import record_failed_code
from monynha.domains.auth.tokens.one_time_tokens import ConsumedToken, OneTimeTokenStore, TokenKind
from monynha.infra.postgres.database import Transaction

PHONE_TOKEN_KINDS_BY_TYPE = {
    "sms": (TokenKind.PHONE_CONFIRMATION, TokenKind.PHONE_OTP),
    "phone_change": (TokenKind.PHONE_CHANGE,),
}
"""Which kinds of token a verification `type` of the API accepts."""


@dataclass(frozen=True, slots=True)
class PhoneSignUpRequest:
    """What a client sends to sign up with a phone number."""

    phone: str
    password: str = field(repr=False)
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PhoneAccountService:
    """Creates accounts with a phone number, confirmed at once (`autoconfirm`) or by a code, and signs in by code.

    Where a code is needed, a request has the same outcome and duration for registered and unknown numbers.
    """

    repository: AccountRepository
    passwords: PasswordHasher
    one_time_tokens: OneTimeTokenStore
    sessions: SessionService
    phone_changes: PhoneChangeService
    messages: TextMessages
    clock: Clock
    is_enabled: bool
    autoconfirm: bool
    gate: SignUpGate
    response_step_s: float

    async def sign_up(self, request: PhoneSignUpRequest) -> Account:
        """Create an account and return it.

        With `autoconfirm` raise UserAlreadyExistsError for a registered number; without it such a number gets the
        response of a new one, and no message.
        """
        self.gate.require_open_to_all()
        if not self.is_enabled:
            raise PhoneSignUpDisabledError()
        phone = normalize_phone(request.phone)
        if not self.autoconfirm:
            self.messages.require_reachable(phone)
        await self.passwords.validate(request.password, phone)
        password_hash = await self.passwords.hash(request.password)
        new_account = NewAccount(None, password_hash, phone=phone, user_metadata=request.metadata)
        if self.autoconfirm:
            return await self._sign_up_confirmed(new_account)
        async with equalize_duration(self.response_step_s):
            return await self._sign_up_unconfirmed(new_account, phone)

    async def send_code(self, phone: str, metadata: Mapping[str, object], *, creates_account: bool) -> None:
        """Send a code that signs in; `creates_account` makes an account for an unknown number.

        Raise PhoneSignInDisabledError, ValidationFailedError or SmsSendFailedError, each whether the number is
        registered or not.
        """
        phone = self.require_phone(phone)
        self.messages.require_reachable(phone)
        async with equalize_duration(self.response_step_s), self.repository.transaction() as transaction:
            now = self.clock()
            account = await self.repository.find_by_phone(transaction, phone)
            if account is None and creates_account and self.gate.is_open_to_all:
                new_account = NewAccount(None, phone=phone, user_metadata=metadata, confirmation_sent_at=now)
                if self.autoconfirm:
                    new_account = replace(new_account, phone_confirmed_at=now)
                account = await self._insert(transaction, new_account)
            if account is None or account.is_banned(now):
                return
            await self.repository.update(transaction, account, recovery_sent_at=now)
            await self._queue_code(transaction, account, TokenKind.PHONE_OTP, phone)

    async def resend(self, phone: str, type: str) -> None:
        """Send another code of a sign-up (`sms`) or of a change of the number (`phone_change`), if one is pending."""
        phone = self.require_phone(phone)
        async with equalize_duration(self.response_step_s), self.repository.transaction() as transaction:
            account = await self.repository.find_by_phone(transaction, phone)
            if account is None or account.is_banned(self.clock()):
                return
            if type == "phone_change":
                await self.phone_changes.queue_code(transaction, account)
            elif not account.is_phone_verified:
                account = await self.repository.update(transaction, account, confirmation_sent_at=self.clock())
                await self._queue_code(transaction, account, TokenKind.PHONE_CONFIRMATION, phone)

    async def verify_code(
        self, phone: str, code: str, type: str, client: ClientInfo, *, is_known_device: bool = False
    ) -> IssuedSession:
        """Consume a code that the number got, and sign its owner in; OtpExpiredError if it is wrong."""
        phone = normalize_phone(phone)
        async with self.repository.transaction() as transaction:
            token = await self.one_time_tokens.consume_code(
                transaction,
                phone,
                code.strip(),
                PHONE_TOKEN_KINDS_BY_TYPE[type],
                is_known_device=is_known_device,
            )
            outcome: Account | IssuedSession | AuthError = await self._verify(transaction, token)
            if isinstance(outcome, Account):
                outcome = await self.sessions.create_in(transaction, outcome, client, method="otp")
        # Raised after the commit, which keeps the count of wrong codes.
        if isinstance(outcome, AuthError):
            raise outcome
        return outcome

    def require_phone(self, phone: str) -> str:
        """Return the normalized number; raise PhoneSignInDisabledError where accounts have none."""
        if not self.is_enabled:
            raise PhoneSignInDisabledError()
        return normalize_phone(phone)

    async def _sign_up_confirmed(self, new_account: NewAccount) -> Account:
        async with self.repository.transaction() as transaction:
            account = await self._insert(transaction, replace(new_account, phone_confirmed_at=self.clock()))
            if account is None:
                raise UserAlreadyExistsError()
            return account

    async def _sign_up_unconfirmed(self, new_account: NewAccount, phone: str) -> Account:
        now = self.clock()
        new_account = replace(new_account, confirmation_sent_at=now)
        async with self.repository.transaction() as transaction:
            account = await self._insert(transaction, new_account)
            if account is None:
                account = await self._replace_unconfirmed(transaction, phone, new_account)
            if account is not None:
                await self._queue_code(transaction, account, TokenKind.PHONE_CONFIRMATION, phone)
        return new_account.as_unconfirmed(now)

    async def _replace_unconfirmed(
        self, transaction: Transaction, phone: str, new_account: NewAccount
    ) -> Account | None:
        """Replace an earlier sign-up that was never confirmed, as by email; return None for any other account."""
        existing = await self.repository.find_by_phone(transaction, phone)
        existing = await self.repository.find_for_update(transaction, existing.id) if existing else None
        if existing is None or existing.phone != phone or not existing.is_unconfirmed_sign_up:
            return None
        await self.repository.delete(transaction, existing)
        return await self._insert(transaction, new_account)

    async def _insert(self, transaction: Transaction, new_account: NewAccount) -> Account | None:
        account = await self.repository.insert(transaction, new_account)
        if account is not None:
            await record_own_event(transaction, "user.signed_up", account)
        return account

    async def _queue_code(self, transaction: Transaction, account: Account, kind: TokenKind, phone: str) -> None:
        token = await self.one_time_tokens.issue(
            transaction,
            account.id,
            kind,
            phone,
            code=self.messages.new_code(phone),
            ttl=self.messages.code_ttl,
        )
        await self.messages.queue_code(transaction, account, phone, token.code)

    async def _verify(self, transaction: Transaction, token: ConsumedToken | None) -> Account | AuthError:
        account = await self.repository.find_for_update(transaction, token.user_id) if token else None
        if token is None or account is None:
            await record_failed_code(transaction)
            return OtpExpiredError()
        if account.is_banned(self.clock()):
            return UserBannedError()
        if token.kind is TokenKind.PHONE_CHANGE:
            return await self.phone_changes.confirm(transaction, account, token)
        if token.address != account.phone:
            # The code was sent to a number that the account no longer has.
            return OtpExpiredError()
        return await self._confirm_phone(transaction, account, token.kind)

    async def _confirm_phone(self, transaction: Transaction, account: Account, kind: TokenKind) -> Account:
        """Record that the owner of the number has proved to be it, and remove what others may have set before.

        Whoever set a password need not be the owner: only the code of that sign-up proves that they are.
        """
        if account.is_phone_verified:
            return account
        now = self.clock()
        if kind is TokenKind.PHONE_OTP and account.is_unconfirmed_sign_up and account.password_hash:
            await self.repository.delete(transaction, account)
            replacement = await self.repository.insert(
                transaction, NewAccount(None, phone=account.phone, phone_confirmed_at=now)
            )
            # The deletion above, in this transaction, has freed the number.
            assert replacement is not None
            return replacement
        if account.is_verified:
            return await self.repository.update(transaction, account, phone_confirmed_at=now)
        await self.sessions.end(transaction, account.id, None, SignOutScope.GLOBAL)
        password_change = {} if kind is TokenKind.PHONE_CONFIRMATION else {"password_hash": None}
        return await self.repository.update(transaction, account, phone_confirmed_at=now, **password_change)
