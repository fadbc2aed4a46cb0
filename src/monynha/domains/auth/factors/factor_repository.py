"""Factor repository: the rows of second factors and of challenges, in the transactions of the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from monynha.domains.auth.accounts.factor import FactorType
from monynha.infra.postgres.database import Transaction

CHALLENGE_TTL = timedelta(minutes=5)
UNVERIFIED_TTL = timedelta(minutes=5)
"""How long an enrolment that was not completed stands in the way of the next."""
MAX_FAILED_ATTEMPTS = 10
FAILURE_PERIOD = timedelta(hours=1)
_KEPT_CHALLENGES = 20

_DISPLAY_NAMES = {
    FactorType.TOTP: "TOTP",
    FactorType.PHONE: "SMS",
    FactorType.WEBAUTHN: "WebAuthn",
    FactorType.RECOVERY_CODE: "Recovery codes",
}

_INSERT_FACTOR = """
insert into auth.factors (
  id, user_id, factor_type, status, friendly_name, encrypted_secret, phone, created_at, updated_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
"""
_LOCK_FACTOR = """
select id, user_id, factor_type, status, friendly_name, phone, encrypted_secret, last_time_step, credential_id,
  public_key, sign_count, transports, failed_attempts, failing_since, last_challenged_at, created_at
from auth.factors where id = $1 and user_id = $2 for update
"""
_DELETE_ABANDONED = """
delete from auth.factors f where f.user_id = $1 and f.status = 'unverified' and f.created_at <= $2
"""
_DELETE_UNVERIFIED_OF_TYPE = """
delete from auth.factors where user_id = $1 and factor_type = $2 and status = 'unverified' and id <> $3
"""
_DELETE_UNVERIFIED_PHONE = """
delete from auth.factors where user_id = $1 and factor_type = 'phone' and phone = $2 and status = 'unverified'
"""
_COUNT_FAILURE = """
update auth.factors set
  failed_attempts = case when failing_since > $2 then failed_attempts + 1 else 1 end,
  failing_since = case when failing_since > $2 then failing_since else $3 end
where id = $1
"""
_MARK_VERIFIED = """
update auth.factors set status = 'verified', failed_attempts = 0, failing_since = null, updated_at = $2,
  last_time_step = coalesce($3, last_time_step)
where id = $1
"""
_SET_CREDENTIAL = """
update auth.factors set credential_id = $2, public_key = $3, sign_count = $4, transports = $5 where id = $1
"""
_INSERT_CHALLENGE = """
with deleted as (
  delete from auth.factor_challenges where factor_id = $2 and (
    expires_at <= $6 or id in (
      select id from auth.factor_challenges where factor_id = $2 order by created_at desc, id offset $8
    )
  )
), challenged as (
  update auth.factors set last_challenged_at = $6 where id = $2
)
insert into auth.factor_challenges (purpose, factor_id, user_id, session_id, nonce, code_hash, created_at, expires_at)
select 'factor', $2, $1, $3, $4, $5, $6, $7
returning id
"""
_SELECT_CHALLENGE = """
select id, nonce, code_hash, expires_at from auth.factor_challenges
where id = $1 and factor_id = $2 and session_id = $3 and purpose = 'factor' for update
"""
_SELECT_CREDENTIALS = """
select credential_id, transports from auth.factors where user_id = $1 and credential_id is not null
"""


@dataclass(frozen=True, slots=True)
class NewFactor:
    """The values of a factor to insert."""

    id: UUID
    factor_type: FactorType
    friendly_name: str | None
    encrypted_secret: bytes | None = None
    phone: str | None = None
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class LockedFactor:
    """A factor whose row is locked until the transaction ends."""

    id: UUID
    user_id: UUID
    factor_type: FactorType
    is_verified: bool
    friendly_name: str | None
    phone: str | None
    encrypted_secret: bytes | None
    last_time_step: int | None
    credential_id: bytes | None
    public_key: bytes | None
    sign_count: int
    transports: Sequence[str]
    failed_attempts: int
    failing_since: datetime | None
    last_challenged_at: datetime | None
    created_at: datetime

    @property
    def display_name(self) -> str:
        """What its owner is told that it is."""
        return self.friendly_name or _DISPLAY_NAMES[self.factor_type]

    def seconds_locked(self, now: datetime) -> int:
        """Return for how long no code is looked at, after too many wrong ones; 0 if the factor is not locked."""
        if self.failing_since is None or self.failed_attempts < MAX_FAILED_ATTEMPTS:
            return 0
        return max(0, int((self.failing_since + FAILURE_PERIOD - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge that waits for an answer."""

    id: UUID
    nonce: bytes | None
    code_hash: str | None
    expires_at: datetime


class FactorRepository:
    """Reads and writes factors and challenges as the system actor "auth"."""

    async def insert(self, transaction: Transaction, user_id: UUID, factor: NewFactor, now: datetime) -> None:
        """Insert a factor; ConstraintViolationError if its name is taken."""
        await transaction.execute(
            _INSERT_FACTOR,
            factor.id,
            user_id,
            factor.factor_type.value,
            "verified" if factor.is_verified else "unverified",
            factor.friendly_name,
            factor.encrypted_secret,
            factor.phone,
            now,
        )

    async def lock(self, transaction: Transaction, factor_id: UUID, user_id: UUID) -> LockedFactor | None:
        """Return a factor of a user, locked; None if the user has none with the id."""
        row = await transaction.fetch_row(_LOCK_FACTOR, factor_id, user_id)
        if row is None:
            return None
        values: dict[str, Any] = dict(row)
        values["factor_type"] = FactorType(values["factor_type"])
        values["is_verified"] = values.pop("status") == "verified"
        return LockedFactor(**values)

    async def delete(self, transaction: Transaction, factor_id: UUID) -> None:
        """Delete a factor; the database lowers the sessions that reached aal2 by it."""
        await transaction.execute("delete from auth.factors where id = $1", factor_id)

    async def delete_abandoned(self, transaction: Transaction, user_id: UUID, now: datetime) -> None:
        """Delete the user's factors whose enrolment was begun and not completed."""
        await transaction.execute(_DELETE_ABANDONED, user_id, now - UNVERIFIED_TTL)

    async def delete_unverified_phone(self, transaction: Transaction, user_id: UUID, phone: str) -> None:
        """Delete the user's unverified factors with the phone number."""
        await transaction.execute(_DELETE_UNVERIFIED_PHONE, user_id, phone)

    async def count_failure(self, transaction: Transaction, factor_id: UUID, now: datetime) -> None:
        """Count a wrong code."""
        await transaction.execute(_COUNT_FAILURE, factor_id, now - FAILURE_PERIOD, now)

    async def mark_verified(
        self, transaction: Transaction, factor: LockedFactor, now: datetime, *, time_step: int | None = None
    ) -> None:
        """Record that a factor was verified; the user's other factors of its type that never were are deleted."""
        await transaction.execute(_MARK_VERIFIED, factor.id, now, time_step)
        await transaction.execute(_DELETE_UNVERIFIED_OF_TYPE, factor.user_id, factor.factor_type.value, factor.id)

    async def set_credential(
        self,
        transaction: Transaction,
        factor_id: UUID,
        *,
        credential_id: bytes,
        public_key: bytes,
        sign_count: int,
        transports: Sequence[str],
    ) -> None:
        """Store the credential of a WebAuthn factor; ConstraintViolationError if it is registered already."""
        await transaction.execute(_SET_CREDENTIAL, factor_id, credential_id, public_key, sign_count, list(transports))

    async def set_sign_count(self, transaction: Transaction, factor_id: UUID, sign_count: int) -> None:
        """Store the signature counter of a WebAuthn factor."""
        await transaction.execute("update auth.factors set sign_count = $2 where id = $1", factor_id, sign_count)

    async def credentials(self, transaction: Transaction, user_id: UUID) -> list[tuple[bytes, list[str]]]:
        """Return the ids and transports of the user's WebAuthn credentials that are factors."""
        rows = await transaction.fetch_rows(_SELECT_CREDENTIALS, user_id)
        return [(row["credential_id"], row["transports"]) for row in rows]

    async def insert_challenge(
        self,
        transaction: Transaction,
        factor: LockedFactor,
        session_id: UUID,
        now: datetime,
        *,
        nonce: bytes | None = None,
        code_hash: str | None = None,
    ) -> UUID:
        """Insert a challenge of a factor for a session; only the newest of a factor are kept."""
        challenge_id = await transaction.fetch_value(
            _INSERT_CHALLENGE,
            factor.user_id,
            factor.id,
            session_id,
            nonce,
            code_hash,
            now,
            now + CHALLENGE_TTL,
            _KEPT_CHALLENGES - 1,
        )
        assert isinstance(challenge_id, UUID)  # the statement returns a uuid
        return challenge_id

    async def find_challenge(
        self, transaction: Transaction, challenge_id: UUID, factor_id: UUID, session_id: UUID
    ) -> Challenge | None:
        """Return a challenge of a factor that was made for the session, locked."""
        row = await transaction.fetch_row(_SELECT_CHALLENGE, challenge_id, factor_id, session_id)
        return None if row is None else Challenge(**dict(row))

    async def delete_challenge(self, transaction: Transaction, challenge_id: UUID) -> None:
        """Delete a challenge: it has been answered, or has expired."""
        await transaction.execute("delete from auth.factor_challenges where id = $1", challenge_id)
