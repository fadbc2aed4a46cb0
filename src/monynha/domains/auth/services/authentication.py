"""Authentication: finds the actor of a request by its bearer token (RFC 6750)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monynha.core.actor import ANONYMOUS, Actor
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.services.session_activity import SessionActivity
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.auth.tokens.api_keys import PREFIX as API_KEY_PREFIX


class RequestWithActor(Protocol):
    """What authentication needs of a request, which belongs to the protocols."""

    actor: Actor | None

    def header(self, name: bytes) -> str | None:
        """Return the value of a header; None if it is missing."""


@dataclass(frozen=True, slots=True)
class BearerAuthenticator:
    """Authenticates requests; the log line of a request names the actor that is set on it."""

    access_tokens: AccessTokens
    activity: SessionActivity | None = None
    """What notes that a session is used; None notes nothing."""

    def __call__(self, request: RequestWithActor) -> Actor:
        """Return the actor: anonymous without an Authorization header, UnauthenticatedError for a bad one."""
        if request.actor is not None:
            return request.actor
        header = request.header(b"authorization")
        if header is None:
            # A gateway would take the key of the new form for the bearer.
            api_key = request.header(b"apikey")
            if api_key is None or not api_key.startswith(API_KEY_PREFIX):
                return ANONYMOUS
            return self.access_tokens.verify(api_key)
        actor = self.access_tokens.verify(parse_bearer_token(header))
        if not actor.is_anonymous:
            request.actor = actor
            if self.activity is not None and actor.session_id is not None:
                self.activity.note(actor.session_id)
        return actor


def parse_bearer_token(header: str) -> str:
    """Return the token of an Authorization header (RFC 6750 §2.1); UnauthenticatedError for another scheme."""
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError()
    return token
