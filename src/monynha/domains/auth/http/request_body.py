"""The JSON body of a request to /auth/v1, read field by field; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monynha.core.errors import BadRequestError
from monynha.core.serialization import parse_json
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import BadJsonError, InvalidAuthRequestError
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.protocols.http.request import Request


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A JSON object; a field of another type than expected is ValidationFailed."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """Return a text, None where it is missing, null or empty."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidAuthRequestError(f"{name} must be a string")
        return value or None

    def required_text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.text(name)
        if value is None:
            raise InvalidAuthRequestError(f"{name} is required")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return true or false, None where it is missing or null."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidAuthRequestError(f"{name} must be true or false")
        return value

    def object(self, name: str) -> Mapping[str, Any] | None:
        """Return an object, None where it is missing or null."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise InvalidAuthRequestError(f"{name} must be an object")
        return value

    def email(self, name: str = "email") -> str | None:
        """Return a mail address in its normal form, None where it is missing; Invalid where it is none."""
        value = self.text(name)
        return None if value is None else normalize_email(value)

    def pkce_challenge(self) -> PkceChallenge | None:
        """Return the PKCE challenge, None where the request has none."""
        return PkceChallenge.parse(self.text("code_challenge"), self.text("code_challenge_method"))


async def read_body(request: Request) -> RequestBody:
    """Return the body; an empty one is an empty object, and the media type is not asked, as upstream does."""
    raw = await request.body()
    if not raw.strip():
        return RequestBody({})
    try:
        values = parse_json(raw)
    except BadRequestError as error:
        raise BadJsonError(f"Could not parse request body as JSON: {error.message}") from None
    if not isinstance(values, dict):
        raise BadJsonError("Could not parse request body as JSON: it is no object")
    return RequestBody(values)


def client_info(request: Request) -> ClientInfo:
    """Return where a request comes from."""
    return ClientInfo(request.client_ip, request.header(b"user-agent") or "")


def requested_redirect(request: Request, body: RequestBody | None = None) -> str | None:
    """Return where somebody wants to be sent after a link: named in the query, a header or the body."""
    return (
        request.query_params.get("redirect_to")
        or request.header(b"redirect_to")
        or (body.text("redirect_to") if body else None)
    )
