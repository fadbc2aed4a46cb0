"""What people do beyond the derived, by whatever protocol: sign up, and change one's own mail address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from monynha.core.errors import Conflict, Invalid
from monynha.core.wire import format_instant
from monynha.domains.auth.account import Account
from monynha.domains.auth.accounts import Accounts
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import EmailExists
from monynha.domains.auth.sessions import Client
from monynha.domains.auth.sign_up import SignUp
from monynha.domains.users.models import users
from monynha.engine.mutation import read_update, read_value
from monynha.protocols.http.request import Request

T = TypeVar("T")


@dataclass(frozen=True)
class UserActions:
    """Does them."""

    accounts: Accounts

    async def sign_up(self, body: object, request: Request) -> dict[str, object]:
        """Make an account and its profile, for anybody, and return the profile as its owner sees it."""
        given, problems = _read(body, _READERS)
        if problems and "password" in given:
            problems |= await self.accounts.problems_of(given["password"])
        _refuse(problems)
        client = Client(request.client, request.header(b"user-agent") or "")
        return _profile(await self.accounts.sign_up(SignUp(**given), client))

    async def change(
        self, body: object, user_id: Callable[[], UUID], write: Callable[[object, bool], Awaitable[T]]
    ) -> T:
        """Change a profile; a new mail address counts at once, or once it is confirmed.

        `write` changes what is derived; it is told whether it was allowed a moment ago.
        """
        if not isinstance(body, dict) or "email" not in body:
            return await write(body, False)
        rest = {name: value for name, value in body.items() if name != "email"}
        email, problems = _read({"email": body["email"]}, {"email": _email})
        try:
            read_update(users, rest)
        except Invalid as invalid:
            problems |= invalid.details
        _refuse(problems)
        # Who may not change the profile, or holds another version of it, is told so before anything happens.
        await write({}, False)
        try:
            await self.accounts.change_email(user_id(), email["email"])
        except EmailExists:
            raise Conflict(email="is already registered") from None
        return await write(rest, True)


def _name(value: object) -> object:
    return read_value(users.fields["name"], value)


def _email(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(email="must be a text")
    return normal_email(value)


def _password(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(password="must be a text")
    return value


_READERS: dict[str, Callable[[object], object]] = {"name": _name, "email": _email, "password": _password}


def _read(
    body: object, readers: dict[str, Callable[[object], object]]
) -> tuple[dict[str, Any], dict[str, object]]:
    """Return what the body gives and, by field, what is wrong with it."""
    if not isinstance(body, dict):
        raise Invalid("The validation of the request failed: the body must be an object.")
    problems: dict[str, object] = {
        name[:100]: "is read-only" if name in users.fields else "is not known"
        for name in body
        if name not in readers
    }
    given: dict[str, Any] = {}
    for name, reader in readers.items():
        try:
            given[name] = reader(body[name])
        except KeyError:
            problems[name] = "is required"
        except ValueError as problem:
            problems[name] = str(problem)
        except Invalid as invalid:
            problems |= invalid.details
    return given, problems


def _refuse(problems: dict[str, object]) -> None:
    if problems:
        raise Invalid.of(problems)


def _profile(account: Account) -> dict[str, object]:
    """Return a new account's profile as its owner sees it.

    Made from the account and not asked for: where an address must be confirmed first, a taken one is
    answered as a new one, and has no row to ask for.
    """
    made = format_instant(account.created_at)
    return {
        "id": str(account.id),
        "email": account.email,
        "name": account.name,
        "avatarUrl": None,
        "emailVerified": account.is_verified,
        "createdAt": made,
        "updatedAt": made,
    }
