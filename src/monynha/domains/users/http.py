"""The addresses of people that are not derived: signing up, and changing one's own mail address."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from monynha.domains.auth.passwords import LONGEST, SHORTEST
from monynha.domains.users.actions import UserActions
from monynha.domains.users.models import users
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
    actions: UserActions

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
        profile = await self.actions.sign_up(await read_body(request), request)
        location = f"{BASE}/{users.plural}/{profile['id']}".encode()
        return enveloped(orjson.dumps(profile), status=201, extra=((b"location", location),))

    async def update(self, request: Request) -> Response:
        """Change a profile; a new mail address counts at once, or once it is confirmed."""
        handlers = Handlers(self.rest, users)
        acting = self.rest.acting(request)

        async def write(body: object, is_checked: bool) -> Response:
            return await handlers.change(request, acting, body, is_checked=is_checked)

        body = await read_body(request)
        return await self.actions.change(body, lambda: handlers.key(request, acting)[0], write)
