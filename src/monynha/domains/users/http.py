"""What people's addresses do beyond the derived: sign up, and change one's own mail address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from monynha.core.errors import Conflict, Invalid
from monynha.core.wire import format_instant
from monynha.domains.auth.account import Account
from monynha.domains.auth.accounts import Accounts
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import EmailExists
from monynha.domains.auth.passwords import LONGEST, SHORTEST
from monynha.domains.auth.sessions import Client
from monynha.domains.auth.sign_up import SignUp
from monynha.domains.users.models import users
from monynha.engine.mutation import read_update, read_value
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, enveloped
from monynha.protocols.openapi import mail_address, sent
from monynha.protocols.rest.addresses import BASE
from monynha.protocols.rest.described import Described
from monynha.protocols.rest.handlers import Handlers, Rest, query_of, read_body
from monynha.protocols.rest.question import refuse_unknown
from monynha.protocols.rest.routes import Overrides

_PASSWORD = {"type": "string", "minLength": SHORTEST, "maxLength": LONGEST, "format": "password"}
_ADDRESS = {
    **mail_address(),
    "description": "The mail address. A changed one counts at once, or once it is confirmed.",
}
DESCRIBED = (
    Described(
        "POST",
        "/users",
        "create",
        users,
        "Sign up. It answers what the new user sees of themselves.",
        inputs={"name": sent(users.fields["name"]), "email": mail_address(), "password": _PASSWORD},
        required=("name", "email", "password"),
        is_whole=True,
        is_public=True,
    ),
    *(
        Described(method, "/users/{id}", "update", users, "A person with an account.", {"email": _ADDRESS})
        for method in ("PUT", "PATCH")
    ),
)
"""What these routes take and answer."""


@dataclass(frozen=True)
class UserRoutes:
    """The routes of people that are not derived."""

    rest: Rest
    accounts: Accounts

    @property
    def overrides(self) -> Overrides:
        """The handlers by method and path below `/api/v1`."""
        return {
            ("POST", "/users"): self.sign_up,
            ("PUT", "/users/{id}"): self.update,
            ("PATCH", "/users/{id}"): self.update,
        }

    async def sign_up(self, request: Request) -> Response:
        """Make an account and its profile, for anybody."""
        refuse_unknown(query_of(request), ())
        given, problems = _read(await read_body(request), _READERS)
        if problems and "password" in given:
            problems |= await self.accounts.problems_of(given["password"])
        _refuse(problems)
        client = Client(request.client, request.header(b"user-agent") or "")
        account = await self.accounts.sign_up(SignUp(**given), client)
        location = f"{BASE}/{users.plural}/{account.id}".encode()
        return enveloped(_profile(account), status=201, extra=((b"location", location),))

    async def update(self, request: Request) -> Response:
        """Change a profile; a new mail address counts at once, or once it is confirmed."""
        handlers = Handlers(self.rest, users)
        acting = self.rest.acting(request)
        body = await read_body(request)
        if not isinstance(body, dict) or "email" not in body:
            return await handlers.change(request, acting, body)
        rest = {name: value for name, value in body.items() if name != "email"}
        email, problems = _read({"email": body["email"]}, {"email": _email})
        try:
            read_update(users, rest)
        except Invalid as invalid:
            problems |= invalid.details
        _refuse(problems)
        # Who may not change the profile, or holds another version of it, is told so before anything happens.
        await handlers.change(request, acting, {})
        try:
            await self.accounts.change_email(handlers.key(request, acting)[0], email["email"])
        except EmailExists:
            raise Conflict(email="is already registered") from None
        return await handlers.change(request, acting, rest, is_checked=True)


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
        raise Invalid(f"The validation of the request failed: {', '.join(problems)}.", details=problems)


def _profile(account: Account) -> bytes:
    """Return a new account's profile as its owner sees it.

    Made from the account and not asked for: where an address must be confirmed first, a taken one is
    answered as a new one, and has no row to ask for.
    """
    made = format_instant(account.created_at)
    shown = {
        "id": str(account.id),
        "email": account.email,
        "name": account.name,
        "avatarUrl": None,
        "emailVerified": account.is_verified,
        "createdAt": made,
        "updatedAt": made,
    }
    return orjson.dumps(shown)
