"""Recovery codes: a set of codes of which each raises a session to aal2 once, for who has lost the other factors."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from monynha.core.clock import Clock
from monynha.core.errors import AppError
from monynha.core.hashes import derive_key
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.emails.security_notices import SecurityNotice
from monynha.domains.auth.factors.errors import (
    AalTooLowError,
    FactorNotFoundError,
    RecoveryCodesLockedError,
    SoleFactorError,
    VerificationFailedError,
    VerifiedFactorExistsError,
)
from monynha.domains.auth.factors.events import FactorEvents
from monynha.domains.auth.factors.factor_repository import FactorRepository, LockedFactor, NewFactor
from monynha.domains.auth.factors.factor_service import check_name, name_error, report_removal
from monynha.domains.auth.factors.factor_session import FactorSession, LockedSession, lock_session
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

CODE_COUNT = 10
CODE_LENGTH = 16
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that look alike."""
_DEFAULT_NAME = "Recovery codes"
_PURPOSE = b"monynha recovery code"
_INSERT_CODES = "insert into auth.recovery_codes (factor_id, code_hash) select $1, unnest($2::text[])"
_USE_CODE = """
update auth.recovery_codes set used_at = $3 where factor_id = $1 and code_hash = $2 and used_at is null
"""
_COUNT_CODES = """
select count(*) as total, count(*) filter (where used_at is null) as remaining
from auth.recovery_codes where factor_id = $1
"""
_RESET_FAILURES = """
update auth.factors set failed_attempts = 0, failing_since = null, updated_at = $2 where id = $1
"""


@dataclass(frozen=True, slots=True)
class RecoveryCodesStatus:
    """How many codes of a set there are, and how many are left."""

    factor_id: UUID
    total: int
    remaining: int


@dataclass(frozen=True, slots=True)
class NewRecoveryCodes:
    """A set of codes as it is shown once."""

    factor_id: UUID
    friendly_name: str | None
    codes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeService:
    """Manages the recovery codes of users for themselves; keyed hashes of them are stored."""

    repository: AccountRepository
    factors: FactorRepository
    sessions: SessionService
    events: FactorEvents
    clock: Clock
    key: bytes

    @staticmethod
    def derive_key(secret: str) -> bytes:
        """Return the key of the hashes."""
        return derive_key(secret, _PURPOSE)

    async def status(self, session: FactorSession) -> RecoveryCodesStatus:
        """Return how many codes are left; raise FactorNotFoundError if there are none."""
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            factor = await self._lock(transaction, locked.account)
            row = await transaction.fetch_row(_COUNT_CODES, factor.id)
            assert row is not None  # an aggregate has a row
            return RecoveryCodesStatus(factor.id, row["total"], row["remaining"])

    async def generate(self, session: FactorSession, friendly_name: str | None) -> NewRecoveryCodes:
        """Make the set of a user, who needs another verified factor and aal2."""
        name = check_name(friendly_name) or _DEFAULT_NAME
        factor_id = uuid4()
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            if not locked.account.has_second_factor:
                raise SoleFactorError()
            _require_aal2(locked)
            if _recovery_factor_id(locked.account) is not None:
                raise VerifiedFactorExistsError("Recovery codes exist already, regenerate them to replace them")
            new_factor = NewFactor(factor_id, FactorType.RECOVERY_CODE, name, is_verified=True)
            try:
                await self.factors.insert(transaction, locked.account.id, new_factor, self.clock())
            except ConstraintViolationError as violation:
                raise name_error(violation, name) from None
            codes = await self._insert_codes(transaction, factor_id)
            details = {"factor_id": factor_id, "factor_type": FactorType.RECOVERY_CODE.value}
            await self.events.record(transaction, "factor.enrolled", locked.account, details)
            await self.events.notify(transaction, locked.account, SecurityNotice.FACTOR_ADDED, name)
        return NewRecoveryCodes(factor_id, name, codes)

    async def regenerate(self, session: FactorSession) -> NewRecoveryCodes:
        """Replace the codes of a set; those of before are void, and so is a lock after wrong ones."""
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            _require_aal2(locked)
            factor = await self._lock(transaction, locked.account)
            await transaction.execute("delete from auth.recovery_codes where factor_id = $1", factor.id)
            await transaction.execute(_RESET_FAILURES, factor.id, self.clock())
            codes = await self._insert_codes(transaction, factor.id)
            details = {"factor_id": factor.id, "factor_type": FactorType.RECOVERY_CODE.value}
            await self.events.record(transaction, "recovery_codes.regenerated", locked.account, details)
        return NewRecoveryCodes(factor.id, factor.friendly_name, codes)

    async def verify(self, session: FactorSession, code: str, client: ClientInfo) -> IssuedSession:
        """Use a code and raise the session to aal2; raise an AppError for one that is wrong or used."""
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            outcome = await self._verify_in_transaction(transaction, locked, session, code, client)
        # Raised after the commit, which keeps the count of wrong codes.
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def unenrol(self, session: FactorSession) -> UUID:
        """Delete the set of codes; return its id."""
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            _require_aal2(locked)
            factor = await self._lock(transaction, locked.account)
            await self.factors.delete(transaction, factor.id)
            await report_removal(self.events, transaction, locked.account, factor)
        return factor.id

    async def _verify_in_transaction(
        self,
        transaction: Transaction,
        locked: LockedSession,
        session: FactorSession,
        code: str,
        client: ClientInfo,
    ) -> IssuedSession | AppError:
        now, account = self.clock(), locked.account
        factor_id = _recovery_factor_id(account)
        factor = factor_id and await self.factors.lock(transaction, factor_id, account.id)
        if not factor:
            return VerificationFailedError("Invalid recovery code entered")
        if seconds := factor.seconds_locked(now):
            return RecoveryCodesLockedError(seconds)
        details = {"factor_id": factor.id, "factor_type": FactorType.RECOVERY_CODE.value}
        if not await transaction.execute(_USE_CODE, factor.id, self._hash(factor.id, code), now):
            await self.factors.count_failure(transaction, factor.id, now)
            await self.events.record(transaction, "factor.refused", account, details)
            return VerificationFailedError("Invalid recovery code entered")
        await transaction.execute(_RESET_FAILURES, factor.id, now)
        await self.events.record(transaction, "factor.verified", account, details)
        method = FactorType.RECOVERY_CODE.method
        return await self.sessions.raise_to_aal2(
            transaction, account, session.session_id, client, factor_id=factor.id, method=method
        )

    async def _lock(self, transaction: Transaction, account: Account) -> LockedFactor:
        factor_id = _recovery_factor_id(account)
        factor = factor_id and await self.factors.lock(transaction, factor_id, account.id)
        if not factor:
            raise FactorNotFoundError()
        return factor

    async def _insert_codes(self, transaction: Transaction, factor_id: UUID) -> list[str]:
        codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in range(CODE_COUNT)]
        await transaction.execute(_INSERT_CODES, factor_id, [self._hash(factor_id, code) for code in codes])
        return codes

    def _hash(self, factor_id: UUID, code: str) -> str:
        canonical = "".join(code.split()).replace("-", "").lower()
        text = f"{factor_id} {canonical}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key, text, hashlib.sha256).hexdigest()


def _recovery_factor_id(account: Account) -> UUID | None:
    factors = (factor.id for factor in account.factors if factor.factor_type is FactorType.RECOVERY_CODE)
    return next(factors, None)


def _require_aal2(locked: LockedSession) -> None:
    if not locked.is_aal2:
        raise AalTooLowError("AAL2 session is required to manage recovery codes")
