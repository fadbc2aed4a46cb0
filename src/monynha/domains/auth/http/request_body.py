"""JSON request body of /auth/v1, read field by field; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core.errors import BadRequestError
from monynha.core.locales import negotiate_locale
from monynha.core.serialization import parse_json
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import BadJsonError, InvalidAuthRequestError
from monynha.domains.auth.phone.phone_number import phone_digits
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.protocols.http.request import Request


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A JSON object; each method raises InvalidAuthRequestError for a field of another type."""

    values: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """Return a text; None if it is missing, null or empty."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidAuthRequestError(f"{name} must be a string")
        return value or None

    def required_text(self, name: str) -> str:
        """Return a text that must not be missing, null or empty."""
        value = self.text(name)
        if value is None:
            raise InvalidAuthRequestError(f"{name} is required")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return a boolean; None if it is missing or null."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidAuthRequestError(f"{name} must be true or false")
        return value

    def json_object(self, name: str) -> Mapping[str, object] | None:
        """Return an object; None if it is missing or null."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise InvalidAuthRequestError(f"{name} must be an object")
        return value

    def email(self, name: str = "email") -> str | None:
        """Return a normalized email address; None if it is missing, ValidationFailedError if invalid."""
        value = self.text(name)
        return None if value is None else normalize_email(value)

    def account(self) -> str | None:
        """Return the address or phone number of the account that is meant, as attempts are counted by."""
        phone = self.text("phone")
        return self.text("email") or (phone and phone_digits(phone))

    def pkce_challenge(self) -> PkceChallenge | None:
        """Return the PKCE challenge; None if the request has none."""
        return PkceChallenge.parse(self.text("code_challenge"), self.text("code_challenge_method"))


async def read_body(request: Request) -> RequestBody:
    """Return the JSON body; raise BadJsonError unless it is an object.

    As in GoTrue, an empty body is an empty object and the media type does not matter.
    """
    raw = await request.body()
    if not raw.strip():
        return RequestBody({})
    try:
        values = parse_json(raw)
    except BadRequestError as error:
        raise BadJsonError(f"Could not parse request body as JSON: {error.message}") from None
    if not isinstance(values, dict):
        raise BadJsonError("Could not parse request body as JSON: it must be an object")
    return RequestBody(values)


def client_info(request: Request) -> ClientInfo:
    """Return where a request comes from."""
    return ClientInfo(request.client_ip, request.header(b"user-agent") or "", requested_locale(request))


def requested_locale(request: Request) -> str:
    """Return the language of the program's texts that the client prefers."""
    return negotiate_locale(request.header(b"accept-language"))


def requested_redirect(request: Request, body: RequestBody | None = None) -> str | None:
    """Return the URL to redirect to after a link, from the query, a header or the body."""
    return (
        request.query_params.get("redirect_to")
        or request.header(b"redirect_to")
        or (body.text("redirect_to") if body else None)
    )
