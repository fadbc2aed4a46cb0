"""Factor service: users enrol second factors, are challenged for them, verify and remove them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from monynha.core.clock import Clock
from monynha.core.errors import AppError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.emails.security_notices import SecurityNotice
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.factors import totp
from monynha.domains.auth.factors.errors import (
    AalTooLowError,
    AalTooLowToUnenrollError,
    ChallengeExpiredError,
    ChallengeNotFoundError,
    CredentialExistsError,
    FactorLockedError,
    FactorNameConflictError,
    FactorNotFoundError,
    PhoneCodeTooSoonError,
    PhoneFactorDisabledError,
    PhoneVerificationDisabledError,
    TooManyFactorsError,
    VerificationFailedError,
    VerifiedFactorExistsError,
    WebAuthnDisabledError,
    WebAuthnVerificationFailedError,
)
from monynha.domains.auth.factors.events import FactorEvents
from monynha.domains.auth.factors.factor_repository import (
    CHALLENGE_TTL,
    Challenge,
    FactorRepository,
    LockedFactor,
    NewFactor,
)
from monynha.domains.auth.factors.factor_session import FactorSession, LockedSession, lock_session
from monynha.domains.auth.factors.phone_codes import PhoneCodes, PhoneMessages, normalize_phone
from monynha.domains.auth.factors.relying_party import (
    CHALLENGE_BYTES,
    RelyingParty,
    StoredCredential,
    WebAuthnUser,
    credential_id_of,
)
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService
from monynha.domains.auth.tokens.secret_box import SecretBox
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

MAX_FACTORS = 10
_MAX_NAME_LENGTH = 255
_PHONE_CODE_INTERVAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """What a user asks for when they enrol a factor."""

    factor_type: FactorType
    friendly_name: str | None = None
    issuer: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new factor; `secret` and `uri` are shown once, and only for TOTP."""

    factor_id: UUID
    secret: str | None = None
    uri: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedChallenge:
    """A challenge of a factor; of WebAuthn with what to ask the browser for: to `create` or to `request`."""

    id: UUID
    factor_type: FactorType
    expires_at: int
    webauthn_type: str | None = None
    webauthn_options: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a user answers to a challenge: a code, or a WebAuthn credential."""

    code: str = ""
    webauthn_type: str = ""
    credential: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class FactorService:
    """Manages the second factors of users for themselves."""

    repository: AccountRepository
    factors: FactorRepository
    sessions: SessionService
    secret_box: SecretBox
    phone_codes: PhoneCodes
    events: FactorEvents
    clock: Clock
    issuer: str
    """What authenticator apps show as the site."""
    relying_party: RelyingParty | None = None
    phone_messages: PhoneMessages | None = None

    async def is_aal2(self, session: FactorSession) -> bool:
        """Whether the session, and the token that was presented for it, have the assurance level aal2."""
        async with self.repository.transaction() as transaction:
            return (await lock_session(self.repository, transaction, session)).is_aal2

    async def enrol(self, session: FactorSession, request: EnrolRequest) -> Enrolment:
        """Insert an unverified factor; raise an AuthError that says why it may not be added."""
        if request.factor_type is FactorType.PHONE and self.phone_messages is None:
            raise PhoneFactorDisabledError()
        if request.factor_type is FactorType.WEBAUTHN and self.relying_party is None:
            raise WebAuthnDisabledError()
        name, phone = check_name(request.friendly_name), _phone_of(request)
        if phone and self.phone_messages is not None:
            self.phone_messages.require_reachable(phone)
        factor_id, secret = uuid4(), None
        if request.factor_type is FactorType.TOTP:
            secret = totp.new_secret()
        sealed = secret and self.secret_box.seal(secret, factor_id.bytes)
        new_factor = NewFactor(factor_id, request.factor_type, name, sealed, phone)
        async with self.repository.transaction() as transaction:
            await lock_session(self.repository, transaction, session)
            await self.factors.delete_abandoned(transaction, session.user_id, self.clock())
            # Read again, without the factors that were just deleted.
            locked = await lock_session(self.repository, transaction, session)
            if phone:
                await self._check_phone(transaction, locked.account, phone)
            await self._insert(transaction, locked, new_factor)
        if secret is None:
            return Enrolment(factor_id, phone=request.phone)
        account_name = locked.account.email or locked.account.phone or str(locked.account.id)
        uri = totp.provisioning_uri(secret, issuer=request.issuer or self.issuer, account=account_name)
        return Enrolment(factor_id, totp.secret_text(secret), uri)

    async def challenge(self, session: FactorSession, factor_id: UUID) -> IssuedChallenge:
        """Insert a challenge of a factor, and send its code to a phone; raise an AuthError."""
        now = self.clock()
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            factor = await self._lock(transaction, factor_id, session)
            _require_aal2_of_new(locked, factor)
            nonce, code_hash = None, None
            if factor.factor_type is FactorType.WEBAUTHN:
                nonce = secrets.token_bytes(CHALLENGE_BYTES)
            elif factor.factor_type is FactorType.PHONE:
                code_hash = await self._send_code(transaction, locked.account, factor)
            elif factor.factor_type is FactorType.RECOVERY_CODE:
                raise InvalidAuthRequestError("Recovery codes need no challenge")
            challenge_id = await self.factors.insert_challenge(
                transaction, factor, session.session_id, now, nonce=nonce, code_hash=code_hash
            )
            issued = IssuedChallenge(challenge_id, factor.factor_type, int((now + CHALLENGE_TTL).timestamp()))
            if nonce is not None:
                issued = await self._webauthn_challenge(transaction, issued, locked.account, factor, nonce)
        return issued

    async def verify(
        self, session: FactorSession, factor_id: UUID, challenge_id: UUID, answer: Answer, client: ClientInfo
    ) -> IssuedSession:
        """Check the answer to a challenge and raise the session to aal2; raise an AppError for a wrong one.

        Wrong answers are counted, and after ten within an hour none is looked at until the hour is over.
        """
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            factor = await self._lock(transaction, factor_id, session)
            _require_aal2_of_new(locked, factor)
            outcome = await self._verify_in_transaction(transaction, locked, factor, session, challenge_id, answer)
            if outcome is None:
                issued = await self._raise(transaction, factor, session, client)
        # Raised after the commit, which keeps the count of wrong answers.
        if outcome is not None:
            raise outcome
        return issued

    async def unenrol(self, session: FactorSession, factor_id: UUID) -> None:
        """Delete a factor; a verified one needs aal2. Sessions that reached aal2 by it go back to aal1."""
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            factor = await self._lock(transaction, factor_id, session)
            if factor.is_verified and not locked.is_aal2:
                raise AalTooLowToUnenrollError()
            await self.factors.delete(transaction, factor_id)
            await report_removal(self.events, transaction, locked.account, factor)

    async def _insert(self, transaction: Transaction, locked: LockedSession, new_factor: NewFactor) -> None:
        if len(locked.account.factors) >= MAX_FACTORS:
            raise TooManyFactorsError()
        if locked.lacks_aal2:
            raise AalTooLowError("AAL2 required to enroll a new factor")
        try:
            await self.factors.insert(transaction, locked.account.id, new_factor, self.clock())
        except ConstraintViolationError as violation:
            raise name_error(violation, new_factor.friendly_name) from None
        details = {"factor_id": new_factor.id, "factor_type": new_factor.factor_type.value}
        await self.events.record(transaction, "factor.enrolled", locked.account, details)

    async def _check_phone(self, transaction: Transaction, account: Account, phone: str) -> None:
        if any(factor.is_verified and factor.phone == phone for factor in account.factors):
            raise VerifiedFactorExistsError()
        await self.factors.delete_unverified_phone(transaction, account.id, phone)

    async def _lock(self, transaction: Transaction, factor_id: UUID, session: FactorSession) -> LockedFactor:
        factor = await self.factors.lock(transaction, factor_id, session.user_id)
        if factor is None:
            raise FactorNotFoundError()
        return factor

    async def _send_code(self, transaction: Transaction, account: Account, factor: LockedFactor) -> str:
        """Queue the message with a code and return the code's hash."""
        if self.phone_messages is None:
            raise PhoneVerificationDisabledError()
        if factor.last_challenged_at is not None:
            wait = factor.last_challenged_at + _PHONE_CODE_INTERVAL - self.clock()
            if wait > timedelta():
                raise PhoneCodeTooSoonError(int(wait.total_seconds()) + 1)
        phone = factor.phone or ""
        code = self.phone_messages.new_code(phone)
        await self.phone_messages.queue_code(transaction, account, phone, code)
        return self.phone_codes.hash(factor.id, code)

    async def _webauthn_challenge(
        self, transaction: Transaction, issued: IssuedChallenge, account: Account, factor: LockedFactor, nonce: bytes
    ) -> IssuedChallenge:
        party = self.relying_party
        if party is None:
            raise WebAuthnDisabledError()
        if factor.credential_id is None:
            stored = await self.factors.credentials(transaction, account.id)
            existing = [StoredCredential(credential_id, transports) for credential_id, transports in stored]
            options = party.registration_options(webauthn_user(account), nonce, existing=existing, is_passkey=False)
            kind = "create"
        else:
            allowed = [StoredCredential(factor.credential_id, factor.transports)]
            options = party.assertion_options(nonce, allowed=allowed, is_passkey=False)
            kind = "request"
        return IssuedChallenge(issued.id, issued.factor_type, issued.expires_at, kind, {"publicKey": options})

    async def _verify_in_transaction(
        self,
        transaction: Transaction,
        locked: LockedSession,
        factor: LockedFactor,
        session: FactorSession,
        challenge_id: UUID,
        answer: Answer,
    ) -> AppError | None:
        """Return the error of a wrong answer, None for a right one; both leave the factor as they must."""
        now = self.clock()
        challenge = await self.factors.find_challenge(transaction, challenge_id, factor.id, session.session_id)
        if challenge is None:
            return ChallengeNotFoundError()
        if challenge.expires_at <= now:
            await self.factors.delete_challenge(transaction, challenge.id)
            return ChallengeExpiredError()
        if seconds := factor.seconds_locked(now):
            return FactorLockedError(seconds)
        was_verified = factor.is_verified
        error = await self._check(transaction, factor, challenge, answer)
        if error is not None:
            await self.factors.count_failure(transaction, factor.id, now)
            details = {"factor_id": factor.id, "factor_type": factor.factor_type.value}
            await self.events.record(transaction, "factor.refused", locked.account, details)
            return error
        await self.factors.delete_challenge(transaction, challenge.id)
        details = {"factor_id": factor.id, "factor_type": factor.factor_type.value}
        await self.events.record(transaction, "factor.verified", locked.account, details)
        if not was_verified:
            await self.events.notify(transaction, locked.account, SecurityNotice.FACTOR_ADDED, factor.display_name)
        return None

    async def _check(
        self, transaction: Transaction, factor: LockedFactor, challenge: Challenge, answer: Answer
    ) -> AppError | None:
        match factor.factor_type:
            case FactorType.TOTP:
                return await self._check_totp(transaction, factor, answer.code)
            case FactorType.PHONE:
                if not self.phone_codes.matches(factor.id, answer.code, challenge.code_hash):
                    return VerificationFailedError("Invalid MFA Phone code entered")
                await self.factors.mark_verified(transaction, factor, self.clock())
                return None
            case FactorType.WEBAUTHN:
                return await self._check_webauthn(transaction, factor, challenge, answer)
            case _:
                return InvalidAuthRequestError("Recovery codes are verified at /factors/recovery-codes/verify")

    async def _check_totp(self, transaction: Transaction, factor: LockedFactor, code: str) -> AppError | None:
        now = self.clock()
        secret = self.secret_box.open(factor.encrypted_secret, factor.id.bytes)
        step = secret and totp.matching_step(secret, code, now, after=factor.last_time_step)
        if not step:
            return VerificationFailedError()
        await self.factors.mark_verified(transaction, factor, now, time_step=step)
        return None

    async def _check_webauthn(
        self, transaction: Transaction, factor: LockedFactor, challenge: Challenge, answer: Answer
    ) -> AppError | None:
        party, credential, nonce = self.relying_party, answer.credential, challenge.nonce
        if party is None or nonce is None:
            return WebAuthnDisabledError()
        if credential is None:
            return InvalidAuthRequestError("WebAuthn config required")
        # Whatever the answer is, its challenge is not used again.
        await self.factors.delete_challenge(transaction, challenge.id)
        try:
            if factor.credential_id is None or factor.public_key is None:
                if answer.webauthn_type != "create":
                    return WebAuthnVerificationFailedError()
                created = party.verify_registration(credential, nonce, is_passkey=False)
                await self.factors.set_credential(
                    transaction,
                    factor.id,
                    credential_id=created.credential_id,
                    public_key=created.public_key,
                    sign_count=created.sign_count,
                    transports=created.transports,
                )
            else:
                if answer.webauthn_type != "request" or credential_id_differs(credential, factor.credential_id):
                    return WebAuthnVerificationFailedError()
                sign_count = party.verify_assertion(
                    credential, nonce, public_key=factor.public_key, sign_count=factor.sign_count, is_passkey=False
                )
                await self.factors.set_sign_count(transaction, factor.id, sign_count)
        except WebAuthnVerificationFailedError as error:
            return error
        except ConstraintViolationError:
            raise CredentialExistsError() from None
        await self.factors.mark_verified(transaction, factor, self.clock())
        return None

    async def _raise(
        self, transaction: Transaction, factor: LockedFactor, session: FactorSession, client: ClientInfo
    ) -> IssuedSession:
        # Read again: the answer shows the factor as verified.
        account = await self.repository.find_by_id(transaction, session.user_id)
        assert account is not None  # its row is locked
        return await self.sessions.raise_to_aal2(
            transaction,
            account,
            session.session_id,
            client,
            factor_id=factor.id,
            method=factor.factor_type.method,
        )


def _require_aal2_of_new(locked: LockedSession, factor: LockedFactor) -> None:
    """Raise AalTooLowError for a factor that would be the next one of a user whose factors were not shown.

    It may have been enrolled while they had none, by somebody who knows the password.
    """
    if not factor.is_verified and locked.lacks_aal2:
        raise AalTooLowError("AAL2 required to verify a new factor")


async def report_removal(
    events: FactorEvents,
    transaction: Transaction,
    account: Account,
    factor: LockedFactor,
    *,
    is_by_admin: bool = False,
) -> None:
    """Record that a factor was removed, and tell its owner if it was verified."""
    details = {"factor_id": factor.id, "factor_type": factor.factor_type.value}
    await events.record(transaction, "factor.removed", account, details, is_by_admin=is_by_admin)
    if factor.is_verified:
        notice = SecurityNotice.FACTOR_REMOVED
        await events.notify(transaction, account, notice, factor.display_name)


def webauthn_user(account: Account) -> WebAuthnUser:
    """Return how authenticators show an account."""
    return WebAuthnUser(account.id, account.email or account.phone or account.name, account.name)


def check_name(name: str | None) -> str | None:
    """Return the name of a factor; InvalidAuthRequestError if it is too long, or contains what cannot be stored."""
    if name and (len(name) > _MAX_NAME_LENGTH or "\x00" in name):
        raise InvalidAuthRequestError(f"friendly_name must be at most {_MAX_NAME_LENGTH} characters, without NUL")
    return name or None


def name_error(violation: ConstraintViolationError, name: str | None) -> AppError | ConstraintViolationError:
    """Return the error of a factor whose name is taken."""
    if violation.constraint != "factor_name_is_unique":
        return violation
    return FactorNameConflictError(f'A factor with the friendly name "{name}" for this user already exists')


def credential_id_differs(credential: Mapping[str, object], expected: bytes) -> bool:
    """Whether an assertion is made with another credential than the factor's."""
    return credential_id_of(credential) != expected


def _phone_of(request: EnrolRequest) -> str | None:
    if request.factor_type is not FactorType.PHONE:
        return None
    if not request.phone:
        raise InvalidAuthRequestError("Phone number required to enroll Phone factor")
    phone = normalize_phone(request.phone)
    if phone is None:
        raise InvalidAuthRequestError("Invalid phone number format (E.164 required)")
    return phone
