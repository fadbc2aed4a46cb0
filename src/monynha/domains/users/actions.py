"""Actions on users beyond the generated operations: sign up, and change the email address of the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from monynha.core.errors import ConflictError, ForbiddenError, InsufficientAalError, ValidationFailedError
from monynha.core.serialization import format_timestamp
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import EmailExistsError
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.domains.users.models import users
from monynha.engine.mutation.custom_body import FieldParser, parse_custom_body, raise_field_errors
from monynha.engine.mutation.validation import parse_update, parse_value
from monynha.infra.postgres.database import ActorConnection, guard_query

T = TypeVar("T")
_IS_NEW_ADDRESS_WITHOUT_FACTOR = guard_query(
    """
select to_json((
  auth.owes_second_factor() and not exists (select from public.visible_emails e where e.id = $4 and e.email = $5)
)::text)
"""
)


@dataclass(frozen=True)
class UserActions:
    """Sign up users and change their email addresses, for REST and GraphQL alike."""

    accounts: AccountService

    async def sign_up(self, body: object, client: ClientInfo) -> dict[str, object]:
        """Create an account and its profile from `name`, `email` and `password`, and return the profile.

        Needs no caller. Raises ValidationFailedError for invalid fields.
        """
        values, errors = parse_custom_body(users, body, _SIGN_UP_PARSERS)
        if errors and "password" in values:
            errors |= await self.accounts.password_problems(str(values["password"]))
        raise_field_errors(errors)
        sign_up = SignUpRequest(
            str(values["email"]), str(values["password"]), str(values["name"]), locale=client.locale
        )
        return _profile_body(await self.accounts.sign_up(sign_up, client))

    async def update_profile(
        self,
        connection: ActorConnection,
        body: object,
        user_id: Callable[[], UUID],
        update: Callable[[object, bool], Awaitable[T]],
        *,
        locale: str | None = None,
    ) -> T:
        """Update a profile and, if the body has an `email`, the email address; return what `update` returns.

        `update` writes the generated fields; its second argument is True if it has been called, and so
        authorized, in this request before. A new address applies at once, or once it is confirmed by emails in the
        language `locale`.

        Raises ValidationFailedError for invalid fields, ConflictError for an address of another account. An address
        resets the password, so one's own wants what it wants at /auth/v1: ForbiddenError for a limited token,
        InsufficientAalError for a session that has not shown its second factor.
        """
        if not isinstance(body, dict) or "email" not in body:
            return await update(body, False)
        other_values = {name: value for name, value in body.items() if name != "email"}
        values, errors = parse_custom_body(users, {"email": body["email"]}, {"email": _parse_email})
        try:
            parse_update(users, other_values)
        except ValidationFailedError as error:
            errors |= error.details
        raise_field_errors(errors)
        # The rights and the If-Match version are checked before the address is changed.
        await update({}, False)
        await _require_sign_in(connection, user_id(), str(values["email"]))
        try:
            await self.accounts.change_email(user_id(), str(values["email"]), locale=locale)
        except EmailExistsError:
            raise ConflictError(
                "The email address is already registered.", details={"email": "is already registered"}
            ) from None
        return await update(other_values, True)


async def _require_sign_in(connection: ActorConnection, user_id: UUID, email: str) -> None:
    """Raise unless the caller has signed in well enough to change an address; see `update_profile`."""
    if connection.actor.limits is not None and connection.actor.id == user_id:
        raise ForbiddenError.for_scopes()
    if await connection.fetch_json(_IS_NEW_ADDRESS_WITHOUT_FACTOR, (user_id, email), is_light=True) == b'"true"':
        raise InsufficientAalError()


def _parse_name(value: object) -> object:
    return parse_value(users.fields["name"], value)


def _parse_email(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(email="must be a string")
    return normalize_email(value)


def _parse_password(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(password="must be a string")
    return value


_SIGN_UP_PARSERS: dict[str, FieldParser] = {
    "name": _parse_name,
    "email": _parse_email,
    "password": _parse_password,
}


def _profile_body(account: Account) -> dict[str, object]:
    """Return the profile of a new account as its owner sees it.

    It is built from the account, not read from the database: if new addresses must be confirmed, signing up
    with a registered address gets the same response as with a new one, and there is no row to read.
    """
    created_at = format_timestamp(account.created_at)
    return {
        "id": str(account.id),
        "email": account.email,
        "name": account.name,
        "avatarUrl": None,
        "emailVerified": account.is_verified,
        "createdAt": created_at,
        "updatedAt": created_at,
    }
