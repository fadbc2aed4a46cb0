"""Admin service: creates, lists, changes, bans and deletes accounts for the holder of the service key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_events import record_event_of
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import EmailExistsError, InvalidAuthRequestError, UserNotFoundError
from monynha.domains.auth.phone.errors import PhoneExistsError
from monynha.domains.auth.services.sessions import SessionService, SignOutScope
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?(?:h|ms|m|s))+")
_DURATION_PART = re.compile(r"([\d.]+)(h|ms|m|s)")
_DURATION_UNITS = {"h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_MAX_BAN = timedelta(days=365_000)


@dataclass(frozen=True, slots=True)
class AdminUserAttributes:
    """What an admin sets on an account; None keeps a value."""

    email: str | None = None
    phone: str | None = None
    password: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    email_confirm: bool | None = None
    phone_confirm: bool | None = None
    user_metadata: Mapping[str, object] | None = None
    app_metadata: Mapping[str, object] | None = None
    ban_duration: str | None = None
    role: str | None = None
    id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class AdminService:
    """Manages all accounts. Its callers have checked that the client holds the service key."""

    repository: AccountRepository
    passwords: PasswordHasher
    sessions: SessionService
    security_notices: SecurityNotices
    clock: Clock

    async def create(self, attributes: AdminUserAttributes) -> Account:
        """Create an account without sending an email; raise EmailExistsError for a registered address."""
        if not attributes.email and not attributes.phone:
            raise InvalidAuthRequestError("Cannot create a user without either an email or phone")
        now = self.clock()
        new_account = NewAccount(
            attributes.email,
            await self._password_hash(attributes),
            phone=attributes.phone,
            email_confirmed_at=now if attributes.email and attributes.email_confirm else None,
            phone_confirmed_at=now if attributes.phone and attributes.phone_confirm else None,
            banned_until=end_of_ban(attributes.ban_duration, now),
            app_metadata=attributes.app_metadata or {},
            user_metadata=attributes.user_metadata or {},
            id=attributes.id or uuid4(),
            role=attributes.role,
            has_sign_up_claims=False,
        )
        async with self.repository.transaction() as transaction:
            account = await self.repository.insert(transaction, new_account)
            if account is None:
                if attributes.id and await self.repository.find_by_id(transaction, attributes.id):
                    raise InvalidAuthRequestError("A user with this id already exists")
                if attributes.phone and await self.repository.find_by_phone(transaction, attributes.phone):
                    raise PhoneExistsError()
                raise EmailExistsError()
            await record_event_of(transaction, "user.created", account)
            return account

    async def get(self, user_id: UUID) -> Account:
        """Return the account; raise UserNotFoundError for an unknown id."""
        async with self.repository.transaction() as transaction:
            return _require(await self.repository.find_by_id(transaction, user_id))

    async def list_page(
        self, *, page_number: int, page_size: int, email_filter: str | None = None
    ) -> tuple[Sequence[Account], int]:
        """Return one page (from 1) of the accounts, newest first, and the number of all.

        `email_filter` keeps the accounts whose address contains the text.
        """
        async with self.repository.transaction() as transaction:
            return await self.repository.find_page(
                transaction,
                limit=page_size,
                offset=(page_number - 1) * page_size,
                email_filter=email_filter,
            )

    async def update(self, user_id: UUID, attributes: AdminUserAttributes) -> Account:
        """Change an account and return it; a new password or a ban ends its sessions."""
        password_hash = await self._password_hash(attributes)
        async with self.repository.transaction() as transaction:
            account = _require(await self.repository.find_for_update(transaction, user_id))
            changes = _changes(account, attributes, self.clock())
            if password_hash:
                changes["password_hash"] = password_hash
                await record_event_of(transaction, "password.changed", account)
            if password_hash or changes.get("banned_until"):
                await self.sessions.end(transaction, user_id, None, SignOutScope.GLOBAL)
            return await self._apply(transaction, account, changes)

    async def delete(self, user_id: UUID, *, keeps_row: bool) -> None:
        """Delete an account; with `keeps_row` its row stays, without personal data, for rows that refer to it."""
        async with self.repository.transaction() as transaction:
            account = _require(await self.repository.find_by_id(transaction, user_id))
            if keeps_row:
                await self.repository.anonymize(transaction, account, self.clock())
            else:
                await self.repository.delete(transaction, account)

    async def _apply(self, transaction: Transaction, account: Account, changes: dict[str, object]) -> Account:
        if not changes:
            return account
        fields = ["password" if name == "password_hash" else name for name in sorted(changes)]
        await record_event_of(transaction, "user.updated", account, {"fields": fields})
        await self._queue_notices(transaction, account, changes)
        try:
            return await self.repository.update(transaction, account, **changes)
        except ConstraintViolationError as error:
            if error.kind == "unique":
                is_phone = error.constraint == "account_phone_is_unique"
                raise (PhoneExistsError if is_phone else EmailExistsError)() from None
            raise

    async def _queue_notices(self, transaction: Transaction, account: Account, changes: dict[str, object]) -> None:
        """Tell the owner what an admin, whose address is not theirs to know, has changed."""
        notices = self.security_notices
        if "password_hash" in changes:
            await notices.queue(transaction, account, SecurityNotice.PASSWORD_CHANGED, shows_client=False)
        if "email" in changes:
            details = {"new_email": changes["email"]}
            await notices.queue(transaction, account, SecurityNotice.EMAIL_CHANGED, details, shows_client=False)

    async def _password_hash(self, attributes: AdminUserAttributes) -> str | None:
        if attributes.password and attributes.password_hash:
            raise InvalidAuthRequestError("Only a password or a password hash should be provided")
        if attributes.password_hash:
            if not self.passwords.is_supported_hash(attributes.password_hash):
                raise InvalidAuthRequestError("Password hash must be a valid bcrypt or argon2 hash")
            return attributes.password_hash
        if not attributes.password:
            return None
        await self.passwords.validate(attributes.password, attributes.email or "")
        return await self.passwords.hash(attributes.password)


def end_of_ban(duration_text: str | None, now: datetime) -> datetime | None:
    """Return when a ban of the duration (`24h`, `1h30m`) ends; None for `none` and for no duration."""
    if duration_text is None or duration_text == "none":
        return None
    if not _DURATION.fullmatch(duration_text):
        raise InvalidAuthRequestError("invalid format for ban duration: use 300ms, 2h45m or none")
    duration = timedelta()
    for number, unit in _DURATION_PART.findall(duration_text):
        duration += min(timedelta(**{_DURATION_UNITS[unit]: min(float(number), 1e7)}), _MAX_BAN)
    return now + min(duration, _MAX_BAN)


def _require(account: Account | None) -> Account:
    if account is None:
        raise UserNotFoundError()
    return account


def _changes(account: Account, attributes: AdminUserAttributes, now: datetime) -> dict[str, object]:
    changes: dict[str, object] = {}
    if attributes.email and attributes.email != account.email:
        changes["email"] = attributes.email
    if attributes.email_confirm and (attributes.email or account.email) and not account.is_verified:
        changes["email_confirmed_at"] = now
    if attributes.phone and attributes.phone != account.phone:
        phone_confirmed_at = now if attributes.phone_confirm else None
        changes |= {"phone": attributes.phone, "phone_confirmed_at": phone_confirmed_at}
    elif attributes.phone_confirm and account.phone and not account.is_phone_verified:
        changes["phone_confirmed_at"] = now
    if attributes.user_metadata is not None:
        changes["user_metadata"] = merge_metadata(account.user_metadata, attributes.user_metadata)
    if attributes.app_metadata is not None:
        changes["app_metadata"] = merge_metadata(account.app_metadata, attributes.app_metadata)
    if attributes.role is not None:
        changes["role"] = attributes.role
    if attributes.ban_duration is not None:
        changes["banned_until"] = end_of_ban(attributes.ban_duration, now)
    return changes
