"""What people do beyond the derived, by whatever protocol: sign up, and change one's own mail address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from monynha.core.errors import ConflictError, ValidationFailedError
from monynha.core.serialization import format_timestamp
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import EmailExistsError
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.domains.users.models import users
from monynha.engine.mutation.validation import parse_update, parse_value

T = TypeVar("T")


@dataclass(frozen=True)
class UserActions:
    """Does them."""

    accounts: AccountService

    async def sign_up(self, body: object, client: ClientInfo) -> dict[str, object]:
        """Make an account and its profile, for anybody, and return the profile as its owner sees it."""
        values, problems = _parse_body(body, _SIGN_UP_PARSERS)
        if problems and "password" in values:
            problems |= await self.accounts.password_problems(values["password"])
        _raise_if_any(problems)
        return _profile_body(await self.accounts.sign_up(SignUpRequest(**values), client))

    async def update_profile(
        self, body: object, user_id: Callable[[], UUID], update: Callable[[object, bool], Awaitable[T]]
    ) -> T:
        """Change a profile; a new mail address counts at once, or once it is confirmed.

        `write` changes what is derived; it is told whether it was allowed a moment ago.
        """
        if not isinstance(body, dict) or "email" not in body:
            return await update(body, False)
        other_values = {name: value for name, value in body.items() if name != "email"}
        email, problems = _parse_body({"email": body["email"]}, {"email": _parse_email})
        try:
            parse_update(users, other_values)
        except ValidationFailedError as invalid:
            problems |= invalid.details
        _raise_if_any(problems)
        # Who may not change the profile, or holds another version of it, is told so before anything happens.
        await update({}, False)
        try:
            await self.accounts.change_email(user_id(), email["email"])
        except EmailExistsError:
            raise ConflictError(email="is already registered") from None
        return await update(other_values, True)


def _parse_name(value: object) -> object:
    return parse_value(users.fields["name"], value)


def _parse_email(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(email="must be a text")
    return normalize_email(value)


def _parse_password(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(password="must be a text")
    return value


_SIGN_UP_PARSERS: dict[str, Callable[[object], object]] = {
    "name": _parse_name,
    "email": _parse_email,
    "password": _parse_password,
}


def _parse_body(
    body: object, parsers: dict[str, Callable[[object], object]]
) -> tuple[dict[str, Any], dict[str, object]]:
    """Return what the body gives and, by field, what is wrong with it."""
    if not isinstance(body, dict):
        raise ValidationFailedError("The validation of the request failed: the body must be an object.")
    problems: dict[str, object] = {
        name[:100]: "is read-only" if name in users.fields else "is not known" for name in body if name not in parsers
    }
    values: dict[str, Any] = {}
    for name, parse in parsers.items():
        try:
            values[name] = parse(body[name])
        except KeyError:
            problems[name] = "is required"
        except ValueError as problem:
            problems[name] = str(problem)
        except ValidationFailedError as invalid:
            problems |= invalid.details
    return values, problems


def _raise_if_any(problems: dict[str, object]) -> None:
    if problems:
        raise ValidationFailedError.from_field_errors(problems)


def _profile_body(account: Account) -> dict[str, object]:
    """Return a new account's profile as its owner sees it.

    Made from the account and not asked for: where an address must be confirmed first, a taken one is
    answered as a new one, and has no row to ask for.
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
