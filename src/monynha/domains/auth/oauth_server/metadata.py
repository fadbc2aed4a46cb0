"""Metadata: the documents by which clients find the endpoints (RFC 8414, OpenID Connect Discovery, RFC 9728)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monynha.core.locales import LOCALES
from monynha.domains.auth.oauth_server.clients import AUTHENTICATION_METHODS, CONFIDENTIAL, GRANT_TYPES, PUBLIC
from monynha.domains.auth.oauth_server.identity_claims import CLAIMS
from monynha.domains.auth.oauth_server.scopes import API_SCOPES, SCOPES

RESOURCE_PATHS: Final = ("/api/v1", "/graphql")
"""What access tokens are for, each with metadata of its own."""
_TOKEN_CLAIMS: Final = ("aud", "iss", "exp", "iat", "auth_time", "nonce")


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Describes the authorization server and what it protects."""

    issuer: str
    site_url: str
    is_enabled: bool
    allows_registration: bool
    id_token_algorithms: Sequence[str]

    def authorization_server(self) -> dict[str, object]:
        """Return the metadata of the server (RFC 8414 §2), which OpenID Connect's are a superset of."""
        methods = [*AUTHENTICATION_METHODS[CONFIDENTIAL], *AUTHENTICATION_METHODS[PUBLIC]]
        endpoints = {
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "userinfo_endpoint": f"{self.issuer}/oauth/userinfo",
            "revocation_endpoint": f"{self.issuer}/oauth/revoke",
        }
        if self.allows_registration:
            endpoints["registration_endpoint"] = f"{self.issuer}/oauth/clients/register"
        return {
            **self._identity_provider(["code"]),
            **endpoints,
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANT_TYPES),
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": list(SCOPES),
            "claims_supported": [*CLAIMS, *_TOKEN_CLAIMS],
            "prompt_values_supported": ["login", "consent", "select_account"],
            "ui_locales_supported": list(LOCALES),
        }

    def openid_configuration(self) -> dict[str, object]:
        """Return the provider's metadata; while the server is off, what verifies the tokens of its people."""
        return self.authorization_server() if self.is_enabled else self._identity_provider([])

    def protected_resource(self, path: str) -> dict[str, object]:
        """Return the metadata of what tokens are for (RFC 9728 §2): where a client without one gets it."""
        return {
            "resource": f"{self.site_url}{path}",
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": list(API_SCOPES),
            "resource_name": "Monynha",
        }

    def bearer_challenges(self) -> dict[str, bytes]:
        """Return the `WWW-Authenticate` of a 401 by the prefix of its path: by it, clients find this server."""
        if not self.is_enabled:
            return {}
        url = f"{self.site_url}/.well-known/oauth-protected-resource"
        return {path: f'Bearer resource_metadata="{url}{path}"'.encode() for path in RESOURCE_PATHS}

    def _identity_provider(self, response_types: list[str]) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "response_types_supported": response_types,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(self.id_token_algorithms),
        }
