"""Passkey service: registers passkeys, signs in with them, and lets users and admins manage them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.errors import AppError
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.security_notices import SecurityNotice
from monynha.domains.auth.errors import InvalidAuthRequestError, UserNotFoundError
from monynha.domains.auth.factors.errors import (
    AalTooLowError,
    CredentialExistsError,
    PasskeyDisabledError,
    PasskeyNotFoundError,
    TooManyPasskeysError,
    UnconfirmedAtPasskeyError,
    WebAuthnChallengeExpiredError,
    WebAuthnChallengeNotFoundError,
    WebAuthnVerificationFailedError,
)
from monynha.domains.auth.factors.events import FactorEvents
from monynha.domains.auth.factors.factor_repository import CHALLENGE_TTL
from monynha.domains.auth.factors.factor_service import webauthn_user
from monynha.domains.auth.factors.factor_session import FactorSession, LockedSession, lock_session
from monynha.domains.auth.factors.relying_party import (
    CHALLENGE_BYTES,
    NewCredential,
    RelyingParty,
    StoredCredential,
    credential_id_of,
    user_handle_of,
)
from monynha.domains.auth.passkeys.passkey import MAX_NAME_LENGTH, Passkey, default_name
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService
from monynha.infra.postgres.database import Transaction

MAX_PASSKEYS = 10
_REGISTRATION, _SIGN_IN = "passkey_registration", "passkey_sign_in"
_COLUMNS = "id, friendly_name, created_at, last_used_at"
_INSERT_CHALLENGE = """
with deleted as (
  delete from auth.factor_challenges where id in (
    select id from auth.factor_challenges where expires_at <= $5 limit 10 for update skip locked
  )
)
insert into auth.factor_challenges (purpose, user_id, session_id, nonce, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6) returning id
"""
_CONSUME_CHALLENGE = """
delete from auth.factor_challenges
where id = $1 and purpose = $2 and user_id is not distinct from $3 and session_id is not distinct from $4
returning nonce, expires_at
"""
_SELECT_ALL = f"select {_COLUMNS} from auth.passkeys where user_id = $1 order by created_at, id"
_SELECT_CREDENTIALS = "select credential_id, transports from auth.passkeys where user_id = $1"
_INSERT = f"""
insert into auth.passkeys (
  user_id, credential_id, public_key, sign_count, transports, is_backed_up, friendly_name, created_at, updated_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict do nothing
returning {_COLUMNS}
"""
_FIND_OWNER = "select user_id from auth.passkeys where credential_id = $1"
_LOCK_BY_CREDENTIAL = """
select id, public_key, sign_count from auth.passkeys where credential_id = $1 and user_id = $2 for update
"""
_MARK_USED = "update auth.passkeys set sign_count = $2, last_used_at = $3 where id = $1"
_RENAME = f"""
update auth.passkeys set friendly_name = $3, updated_at = $4 where id = $1 and user_id = $2 returning {_COLUMNS}
"""
_DELETE = "delete from auth.passkeys where id = $1 and user_id = $2 returning friendly_name"


@dataclass(frozen=True, slots=True)
class PasskeyOptions:
    """What a browser is asked for, and the challenge that its answer belongs to."""

    challenge_id: UUID
    options: Mapping[str, object]
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class PasskeyService:
    """Manages passkeys. Every challenge is deleted when it is answered, whatever the answer is."""

    repository: AccountRepository
    sessions: SessionService
    events: FactorEvents
    clock: Clock
    relying_party: RelyingParty | None

    def require_enabled(self) -> RelyingParty:
        """Return the relying party; raise PasskeyDisabledError if this site can have no passkeys."""
        if self.relying_party is None:
            raise PasskeyDisabledError()
        return self.relying_party

    async def begin_registration(self, session: FactorSession) -> PasskeyOptions:
        """Return the options of a new passkey for the user of the session."""
        party, nonce = self.require_enabled(), secrets.token_bytes(CHALLENGE_BYTES)
        async with self.repository.transaction() as transaction:
            locked = await self._lock(transaction, session)
            rows = await transaction.fetch_rows(_SELECT_CREDENTIALS, session.user_id)
            if len(rows) >= MAX_PASSKEYS:
                raise TooManyPasskeysError()
            existing = [StoredCredential(row["credential_id"], row["transports"]) for row in rows]
            challenge_id = await self._insert_challenge(transaction, _REGISTRATION, nonce, session)
        user = webauthn_user(locked.account)
        options = party.registration_options(user, nonce, existing=existing, is_passkey=True)
        return self._options(challenge_id, options)

    async def complete_registration(
        self, session: FactorSession, challenge_id: UUID, credential: Mapping[str, object]
    ) -> Passkey:
        """Store the passkey that a browser has created; raise an AuthError if it is not valid."""
        party = self.require_enabled()
        async with self.repository.transaction() as transaction:
            locked = await self._lock(transaction, session)
            nonce = await self._consume(transaction, challenge_id, _REGISTRATION, session)
            outcome = (
                await self._register(transaction, locked, party, credential, nonce)
                if isinstance(nonce, bytes)
                else nonce
            )
        # Raised after the commit, which keeps the deletion of the challenge.
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def begin_sign_in(self) -> PasskeyOptions:
        """Return the options of a sign-in by whatever passkey the browser has of this site."""
        party, nonce = self.require_enabled(), secrets.token_bytes(CHALLENGE_BYTES)
        async with self.repository.transaction() as transaction:
            challenge_id = await self._insert_challenge(transaction, _SIGN_IN, nonce)
        return self._options(challenge_id, party.assertion_options(nonce, allowed=(), is_passkey=True))

    async def complete_sign_in(
        self, challenge_id: UUID, credential: Mapping[str, object], client: ClientInfo
    ) -> IssuedSession:
        """Create a session for the owner of the passkey; raise an AuthError if the assertion is not valid."""
        party = self.require_enabled()
        async with self.repository.transaction() as transaction:
            nonce = await self._consume(transaction, challenge_id, _SIGN_IN)
            outcome = (
                await self._sign_in(transaction, party, credential, nonce, client)
                if isinstance(nonce, bytes)
                else nonce
            )
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def list_passkeys(self, user_id: UUID) -> list[Passkey]:
        """Return the passkeys of a user, the oldest first."""
        async with self.repository.transaction() as transaction:
            return [Passkey(**dict(row)) for row in await transaction.fetch_rows(_SELECT_ALL, user_id)]

    async def rename(self, session: FactorSession, passkey_id: UUID, name: str) -> Passkey:
        """Change the name of a passkey and return it."""
        if len(name) > MAX_NAME_LENGTH or "\x00" in name:
            raise InvalidAuthRequestError(f"friendly_name must be {MAX_NAME_LENGTH} characters or less")
        async with self.repository.transaction() as transaction:
            locked = await lock_session(self.repository, transaction, session)
            row = await transaction.fetch_row(_RENAME, passkey_id, session.user_id, name, self.clock())
            if row is None:
                raise PasskeyNotFoundError()
            await self.events.record(transaction, "passkey.updated", locked.account, {"passkey_id": passkey_id})
            return Passkey(**dict(row))

    async def delete(self, session: FactorSession, passkey_id: UUID) -> None:
        """Delete a passkey of the user of the session."""
        async with self.repository.transaction() as transaction:
            await self._lock(transaction, session)
            await self._delete(transaction, session.user_id, passkey_id, is_by_admin=False)

    async def delete_for(self, user_id: UUID, passkey_id: UUID) -> None:
        """Delete a passkey of a user, for an admin."""
        async with self.repository.transaction() as transaction:
            await self._delete(transaction, user_id, passkey_id, is_by_admin=True)

    async def _delete(self, transaction: Transaction, user_id: UUID, passkey_id: UUID, *, is_by_admin: bool) -> None:
        account = await self.repository.find_for_update(transaction, user_id)
        if account is None:
            raise UserNotFoundError()
        name = await transaction.fetch_value(_DELETE, passkey_id, user_id)
        if not isinstance(name, str):
            raise PasskeyNotFoundError()
        details = {"passkey_id": passkey_id}
        await self.events.record(transaction, "passkey.deleted", account, details, is_by_admin=is_by_admin)
        notice = SecurityNotice.FACTOR_REMOVED
        await self.events.notify(transaction, account, notice, name)

    async def _lock(self, transaction: Transaction, session: FactorSession) -> LockedSession:
        locked = await lock_session(self.repository, transaction, session)
        if locked.lacks_aal2:
            raise AalTooLowError("AAL2 session is required to manage passkeys when MFA is enabled")
        return locked

    async def _insert_challenge(
        self, transaction: Transaction, purpose: str, nonce: bytes, session: FactorSession | None = None
    ) -> UUID:
        now = self.clock()
        user_id, session_id = (session.user_id, session.session_id) if session else (None, None)
        challenge_id = await transaction.fetch_value(
            _INSERT_CHALLENGE, purpose, user_id, session_id, nonce, now, now + CHALLENGE_TTL
        )
        assert isinstance(challenge_id, UUID)  # the statement returns a uuid
        return challenge_id

    async def _consume(
        self, transaction: Transaction, challenge_id: UUID, purpose: str, session: FactorSession | None = None
    ) -> bytes | AppError:
        """Delete a challenge and return its nonce, or the error of one that is unknown or has expired."""
        user_id, session_id = (session.user_id, session.session_id) if session else (None, None)
        row = await transaction.fetch_row(_CONSUME_CHALLENGE, challenge_id, purpose, user_id, session_id)
        if row is None:
            return WebAuthnChallengeNotFoundError()
        if row["expires_at"] <= self.clock():
            return WebAuthnChallengeExpiredError()
        return bytes(row["nonce"])

    async def _register(
        self,
        transaction: Transaction,
        locked: LockedSession,
        party: RelyingParty,
        credential: Mapping[str, object],
        nonce: bytes,
    ) -> Passkey | AppError:
        try:
            created = party.verify_registration(credential, nonce, is_passkey=True)
        except WebAuthnVerificationFailedError as error:
            return error
        if len(await transaction.fetch_rows(_SELECT_CREDENTIALS, locked.account.id)) >= MAX_PASSKEYS:
            return TooManyPasskeysError()
        row = await transaction.fetch_row(_INSERT, locked.account.id, *_binds(created), self.clock())
        if row is None:
            return CredentialExistsError()
        await self.events.record(transaction, "passkey.created", locked.account, {"passkey_id": row["id"]})
        await self.events.notify(transaction, locked.account, SecurityNotice.FACTOR_ADDED, row["friendly_name"])
        return Passkey(**dict(row))

    async def _sign_in(
        self,
        transaction: Transaction,
        party: RelyingParty,
        credential: Mapping[str, object],
        nonce: bytes,
        client: ClientInfo,
    ) -> IssuedSession | AppError:
        try:
            credential_id, user_handle = credential_id_of(credential), user_handle_of(credential)
            owner_id = await transaction.fetch_value(_FIND_OWNER, credential_id)
            if not isinstance(owner_id, UUID) or user_handle not in (None, str(owner_id)):
                return WebAuthnVerificationFailedError()
            # The account is locked before its passkey, as everywhere.
            account = await self.repository.find_for_update(transaction, owner_id)
            row = await transaction.fetch_row(_LOCK_BY_CREDENTIAL, credential_id, owner_id)
            if account is None or row is None:
                return WebAuthnVerificationFailedError()
            sign_count = party.verify_assertion(
                credential, nonce, public_key=row["public_key"], sign_count=row["sign_count"], is_passkey=True
            )
        except WebAuthnVerificationFailedError as error:
            return error
        if account.email and not account.is_verified:
            return UnconfirmedAtPasskeyError()
        await transaction.execute(_MARK_USED, row["id"], sign_count, self.clock())
        return await self.sessions.create_in(transaction, account, client, method="passkey")

    def _options(self, challenge_id: UUID, options: Mapping[str, object]) -> PasskeyOptions:
        return PasskeyOptions(challenge_id, options, int((self.clock() + CHALLENGE_TTL).timestamp()))


def _binds(created: NewCredential) -> Sequence[object]:
    return (
        created.credential_id,
        created.public_key,
        created.sign_count,
        created.transports,
        created.is_backed_up,
        default_name(created.aaguid),
    )
