"""Actions on people, for REST and GraphQL alike; the database decides that only system admins may do them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from uuid import UUID

from monynha.core.errors import ConflictError, ForbiddenError, NotFoundError, ValidationFailedError
from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import EmailExistsError, UserBannedError, UserNotFoundError
from monynha.domains.auth.services.admin_links import AdminLinkService
from monynha.domains.auth.services.rate_limits import AuthRateLimits
from monynha.domains.people.models import people
from monynha.engine.mutation.custom_body import parse_custom_body, raise_field_errors
from monynha.engine.mutation.mutations import PrimaryKey, violation_error
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.postgres.retries import with_retries

INVITE_DESCRIPTION: Final = (
    "Create an account for an address, and mail it a link with which the person sets a password. "
    "An address that is not confirmed yet gets another link."
)
RESET_DESCRIPTION: Final = (
    "Mail the person a link with which they set a new password. The old one works until then; nobody sees either."
)
_T = TypeVar("_T")


@dataclass(frozen=True)
class PersonAction:
    """Something that system admins do to one person, by a function of the database."""

    name: str
    path: str
    sql_function: str
    summary: str
    description: str
    audit_action: str = ""
    """What is recorded of it; empty where a trigger of the database records the change."""


PROMOTE = PersonAction(
    "promotePerson",
    "promote",
    "monynha.promote_person",
    "Make a system admin",
    "Make a person a system admin; their address must be confirmed.",
)
DEMOTE = PersonAction(
    "demotePerson",
    "demote",
    "monynha.demote_person",
    "Take the admin role away",
    "Take the system role from an admin, who is signed out everywhere. Somebody else must be an admin.",
)
BAN = PersonAction(
    "banPerson",
    "ban",
    "monynha.ban_person",
    "Ban",
    "Ban a person until the ban is lifted: they are signed out everywhere at once and cannot sign in.",
)
UNBAN = PersonAction("unbanPerson", "unban", "monynha.unban_person", "Lift a ban", "Let a person sign in again.")
SIGN_OUT = PersonAction(
    "signOutPerson",
    "sign-out",
    "monynha.sign_out_person",
    "Sign out everywhere",
    "End all sessions of a person; they can sign in again.",
    "user.signed_out",
)
SQL_ACTIONS: Final = (PROMOTE, DEMOTE, BAN, UNBAN, SIGN_OUT)


@dataclass(frozen=True)
class PeopleActions:
    """Invite, promote, demote, ban, unban, sign out, reset the password, delete."""

    queries: Queries
    links: AdminLinkService
    rate_limits: AuthRateLimits

    async def act(
        self, connection: ActorConnection, action: PersonAction, key: PrimaryKey, selection: Selection
    ) -> JsonRow:
        """Do it, and return what is selected of the person as they are then.

        Raises ForbiddenError if the actor is no admin, NotFoundError, or ConflictError.
        """

        async def act(transaction: Transaction) -> JsonRow:
            await _call(transaction, action.sql_function, key)
            if action.audit_action:
                await record_audit_event(transaction, action.audit_action, target_type="user", target_id=str(key[0]))
            return await self._fetch(transaction, key, selection)

        return await _run(connection, act)

    async def delete(self, connection: ActorConnection, key: PrimaryKey, *, cascade: bool) -> None:
        """Delete a person and what they own; ConflictError names owned projects that have other members.

        With `cascade` those are deleted too.
        """

        async def delete(transaction: Transaction) -> None:
            await transaction.execute("select set_config('monynha.cascade', $1, true)", "on" if cascade else "off")
            await _call(transaction, "monynha.delete_person", key)

        await _run(connection, delete)

    async def invite(
        self, connection: ActorConnection, body: object, selection: Selection, *, locale: str | None
    ) -> tuple[UUID, JsonRow]:
        """Create an account for the `email` of the body and mail a link; ConflictError for a confirmed address."""
        await self.require_admin(connection)
        values, errors = parse_custom_body(people, body, {"email": _parse_email})
        raise_field_errors(errors)
        email = str(values["email"])
        await self.rate_limits.count_email(email)
        try:
            account = await self.links.invite(email, {}, locale=locale)
        except EmailExistsError:
            raise ConflictError(
                "The email address is already registered.", details={"email": "is already registered"}
            ) from None

        async def record(transaction: Transaction) -> JsonRow:
            await record_audit_event(transaction, "user.invited", target_type="user", target_id=str(account.id))
            return await self._fetch(transaction, (account.id,), selection)

        return account.id, await _run(connection, record)

    async def reset_password(
        self, connection: ActorConnection, key: PrimaryKey, selection: Selection, *, locale: str | None
    ) -> JsonRow:
        """Mail a link with which the person sets a new password; ConflictError if they cannot get or use one."""
        await self.require_admin(connection)
        try:
            await self.links.send_recovery(key[0], locale=locale)
        except UserNotFoundError:
            raise NotFoundError.for_name(people.singular) from None
        except UserBannedError:
            raise ConflictError("The person is banned.", details={"status": "is banned"}) from None

        async def record(transaction: Transaction) -> JsonRow:
            await record_audit_event(transaction, "user.password_reset_sent", target_type="user", target_id=str(key[0]))
            return await self._fetch(transaction, key, selection)

        return await _run(connection, record)

    async def require_admin(self, connection: ActorConnection) -> None:
        """Raise ForbiddenError unless the actor is a system admin at present, before anything else is looked at."""

        async def check(transaction: Transaction) -> None:
            await transaction.execute("select monynha.require_system_admin()")

        await _run(connection, check)

    async def _fetch(self, transaction: Transaction, key: PrimaryKey, selection: Selection) -> JsonRow:
        return await self.queries.fetch_in_transaction(transaction, replace(selection, key=key))


def _parse_email(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(email="must be a string")
    return normalize_email(value)


async def _call(transaction: Transaction, function: str, key: PrimaryKey) -> None:
    """Call a function of one person; NotFoundError if there is no such person."""
    if await transaction.fetch_value(f"select {function}($1)", *key) is None:
        raise NotFoundError.for_name(people.singular)


async def _run(connection: ActorConnection, act: Callable[[Transaction], Awaitable[_T]]) -> _T:
    """Act in one transaction, again after a deadlock; ForbiddenError if the actor is no admin."""

    async def attempt(connection: ActorConnection) -> _T:
        async with connection.transaction() as transaction:
            return await act(transaction)

    try:
        return await with_retries(connection, attempt)
    except ConstraintViolationError as violation:
        if violation.is_permission_denied:
            raise ForbiddenError() from violation
        raise violation_error(people, violation, {}) from violation
