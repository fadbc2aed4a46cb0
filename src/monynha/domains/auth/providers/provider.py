"""What a provider is to the rest of auth: where to send a browser, and whom it says that it has signed in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

FORWARDED_PARAMETERS = frozenset(
    {
        "access_type",
        "acr_values",
        "allow_signup",
        "display",
        "domain_hint",
        "hd",
        "include_granted_scopes",
        "login",
        "login_hint",
        "max_age",
        "prompt",
        "ui_locales",
    }
)
"""The query parameters of a client that go to the provider: none of them changes who receives its response."""
_MAX_PARAMETER_LENGTH = 500
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_MAX_SCOPES = 50


@dataclass(frozen=True, slots=True)
class ProviderProfile:
    """An account at a provider: its lasting id, its address, and what else the provider tells of it."""

    subject: str
    email: str | None
    is_email_verified: bool
    claims: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """The provider's own tokens, which the client may use there. They are handed over and not kept."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What is sent along with a browser (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1)."""

    state: str
    nonce: str
    code_challenge: str
    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """The code with which a browser came back, and what proves that it was ours to ask for."""

    code: str = field(repr=False)
    code_verifier: str = field(repr=False)
    nonce: str
    user_json: str | None = None
    """What Apple adds to the first response: the person's name."""


class Provider(Protocol):
    """A provider that people sign in with."""

    @property
    def name(self) -> str:
        """The name by which clients request it, and which identities have."""

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the URL that asks the person to sign in; raise ProviderUnavailableError."""

    async def require_issuer(self, issuer: str | None) -> None:
        """Raise BadOAuthCallbackError if the `iss` of a response is not this provider's (RFC 9207 §2.4)."""

    async def exchange(self, grant: CodeGrant) -> tuple[ProviderProfile, ProviderTokens]:
        """Return who has signed in, and the provider's tokens; raise an AuthError."""


def authorization_query(client_id: str, redirect_uri: str, request: AuthorizationRequest, scopes: list[str]) -> str:
    """Return the query of an authorization request, in which nothing of the client's overrides ours."""
    return urlencode(
        {
            **request.parameters,
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(dict.fromkeys([*scopes, *request.scopes])),
            "state": request.state,
            "code_challenge": request.code_challenge,
            "code_challenge_method": "S256",
        }
    )


def forwarded_parameters(query_params: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a client's request that go to the provider."""
    return {
        name: value
        for name, value in query_params.items()
        if name in FORWARDED_PARAMETERS and len(value) <= _MAX_PARAMETER_LENGTH
    }


def parse_scopes(text: str) -> tuple[str, ...]:
    """Return the scopes of a client's request, separated by spaces or commas; malformed ones are left out."""
    return tuple(scope for scope in re.split(r"[,\s]+", text) if _SCOPE.fullmatch(scope))[:_MAX_SCOPES]
