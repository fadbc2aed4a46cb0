"""The JSON body of a request to /auth/v1, read field by field; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monynha.core.errors import BadRequest
from monynha.core.wire import parse_json
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import BadJson, ValidationFailed
from monynha.domains.auth.one_time import Challenge
from monynha.domains.auth.sessions import Client
from monynha.protocols.http.request import Request


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object; a field of another type than expected is ValidationFailed."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """Return a text, None where it is missing, null or empty."""
        found = self.values.get(name)
        if found is not None and not isinstance(found, str):
            raise ValidationFailed(f"{name} must be a string")
        return found or None

    def needed(self, name: str) -> str:
        """Return a text that must be there."""
        found = self.text(name)
        if found is None:
            raise ValidationFailed(f"{name} is required")
        return found

    def flag(self, name: str) -> bool | None:
        """Return true or false, None where it is missing or null."""
        found = self.values.get(name)
        if found is not None and not isinstance(found, bool):
            raise ValidationFailed(f"{name} must be true or false")
        return found

    def object(self, name: str) -> Mapping[str, Any] | None:
        """Return an object, None where it is missing or null."""
        found = self.values.get(name)
        if found is not None and not isinstance(found, dict):
            raise ValidationFailed(f"{name} must be an object")
        return found

    def email(self, name: str = "email") -> str | None:
        """Return a mail address in its normal form, None where it is missing; Invalid where it is none."""
        found = self.text(name)
        return None if found is None else normal_email(found)

    def challenge(self) -> Challenge | None:
        """Return the PKCE challenge, None where the request has none."""
        return Challenge.read(self.text("code_challenge"), self.text("code_challenge_method"))


async def read_body(request: Request) -> Body:
    """Return the body; an empty one is an empty object, and the media type is not asked, as upstream does."""
    raw = await request.body()
    if not raw.strip():
        return Body({})
    try:
        values = parse_json(raw)
    except BadRequest as fault:
        raise BadJson(f"Could not parse request body as JSON: {fault.message}") from None
    if not isinstance(values, dict):
        raise BadJson("Could not parse request body as JSON: it is no object")
    return Body(values)


def client_of(request: Request) -> Client:
    """Return where a request comes from."""
    return Client(request.client, request.header(b"user-agent") or "")


def redirect_of(request: Request, body: Body | None = None) -> str | None:
    """Return where somebody wants to be sent after a link: named in the query, a header or the body."""
    return (
        request.query.get("redirect_to")
        or request.header(b"redirect_to")
        or (body.text("redirect_to") if body else None)
    )
