"""Sign-up service: creates accounts without revealing which email addresses are registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monynha.core.clock import Clock
from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_own_event
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import UserAlreadyExistsError, WeakPasswordError
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.sign_up_gate import SignUpGate, SignUpMode
from monynha.domains.auth.tokens.one_time_tokens import (
    OneTimeTokenStore,
    PkceChallenge,
    TokenKind,
)
from monynha.infra.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class SignUpRequest:
    """What a client sends to sign up; `name` is stored in the user metadata."""

    email: str
    password: str = field(repr=False)
    name: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None
    locale: str | None = None

    def user_metadata(self) -> dict[str, object]:
        """Return the metadata with the name merged in."""
        return merge_metadata(self.metadata, {"name": self.name} if self.name else {})


@dataclass(frozen=True, kw_only=True)
class SignUpService:
    """Creates accounts, confirmed at once (`autoconfirm`) or by a link that is mailed."""

    repository: AccountRepository
    passwords: PasswordHasher
    one_time_tokens: OneTimeTokenStore
    mailer: AuthMailer
    clock: Clock
    autoconfirm: bool
    gate: SignUpGate
    response_step_s: float

    async def sign_up(self, request: SignUpRequest) -> Account:
        """Create an account and return it.

        Raise SignUpDisabledError where the address may not sign up, ValidationFailedError for an invalid address or
        password and, with `autoconfirm`, UserAlreadyExistsError for a registered address. Without it such an address
        gets the response of a new one, and only the email differs.
        """
        self.require_enabled()
        email = await self.validate_credentials(request.email, request.password, request.name or "")
        await self._require_allowed(email)
        password_hash = await self.passwords.hash(request.password)
        new_account = NewAccount(email, password_hash, user_metadata=request.user_metadata())
        if self.autoconfirm:
            return await self._sign_up_confirmed(new_account)
        async with equalize_duration(self.response_step_s):
            return await self._sign_up_unconfirmed(request, email, new_account)

    @property
    def is_enabled(self) -> bool:
        """Whether anybody at all may sign up."""
        return self.gate.is_enabled

    def require_enabled(self) -> None:
        """Raise SignUpDisabledError where nobody may sign up (`MONYNHA_SIGNUP`)."""
        self.gate.require_enabled()

    async def _require_allowed(self, email: str) -> None:
        """Raise SignUpDisabledError for an address that may not sign up, before its password is hashed."""
        if self.gate.mode is SignUpMode.INVITED:
            async with self.repository.transaction() as transaction:
                await self.gate.require_allowed(transaction, email)

    async def validate_credentials(self, email: str, password: str, *user_inputs: str) -> str:
        """Return the normalized address; raise one ValidationFailedError naming all problems of both.

        `user_inputs` are texts about the user that must not make the password easy to guess.
        """
        problems: dict[str, object] = {}
        weak_password: WeakPasswordError | None = None
        normalized_email = ""
        try:
            normalized_email = normalize_email(email)
        except ValidationFailedError as error:
            problems |= error.details
        try:
            await self.passwords.validate(password, normalized_email, *user_inputs)
        except WeakPasswordError as error:
            weak_password = error
        if problems:
            raise ValidationFailedError(details={**problems, **(weak_password.details if weak_password else {})})
        if weak_password:
            raise weak_password
        return normalized_email

    async def _sign_up_confirmed(self, new_account: NewAccount) -> Account:
        new_account = replace(new_account, email_confirmed_at=self.clock())
        async with self.repository.transaction() as transaction:
            account = await self.repository.insert(transaction, new_account)
            if account is None:
                raise UserAlreadyExistsError()
            await record_own_event(transaction, "user.signed_up", account)
            return account

    async def _sign_up_unconfirmed(self, request: SignUpRequest, email: str, new_account: NewAccount) -> Account:
        now = self.clock()
        new_account = replace(new_account, confirmation_sent_at=now)
        async with self.repository.transaction() as transaction:
            account = await self.repository.insert(transaction, new_account)
            if account is None:
                account = await self._replace_unconfirmed(transaction, email, new_account)
            if account is None:
                await self.mailer.queue_already_registered(transaction, email, locale=request.locale)
            else:
                await record_own_event(transaction, "user.signed_up", account)
                token = await self.one_time_tokens.issue(
                    transaction, account.id, TokenKind.CONFIRMATION, email, challenge=request.challenge
                )
                await self.mailer.queue_token(
                    transaction, token, account, redirect_to=request.redirect_to, locale=request.locale
                )
        return new_account.as_unconfirmed(now)

    async def _replace_unconfirmed(
        self, transaction: Transaction, email: str, new_account: NewAccount
    ) -> Account | None:
        """Replace an earlier sign-up that was never confirmed; return None where it was confirmed.

        The password of an earlier sign-up must not become valid when the address's owner confirms theirs. Nor may
        its id become that of the owner's account: every sign-up gets an id of its own, as a registered address does.
        """
        existing = await self.repository.find_by_email(transaction, email)
        # Locked and read again: the address may have been confirmed in the meantime.
        existing = await self.repository.find_for_update(transaction, existing.id) if existing else None
        if existing is None or existing.is_verified or existing.email != email:
            return None
        if existing.is_unconfirmed_sign_up:
            await self.repository.delete(transaction, existing)
            return await self.repository.insert(transaction, new_account)
        # An admin created it: what the admin set stays.
        return await self.repository.update(
            transaction,
            existing,
            password_hash=new_account.password_hash,
            user_metadata={**new_account.stored_user_metadata(), "sub": str(existing.id)},
            confirmation_sent_at=new_account.confirmation_sent_at,
        )
