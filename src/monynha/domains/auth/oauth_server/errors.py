"""Errors of the authorization server: with GoTrue's codes, and those that RFC 6749 and its extensions name."""

from __future__ import annotations

from monynha.domains.auth.errors import AuthError


class OAuthServerDisabledError(AuthError):
    """OAuth server is disabled"""

    status = 404
    code = "feature_disabled"


class DynamicRegistrationDisabledError(AuthError):
    """Dynamic client registration is not enabled"""

    status = 403
    code = "oauth_dynamic_client_registration_disabled"


class OAuthClientNotFoundError(AuthError):
    """OAuth client not found"""

    status = 404
    code = "oauth_client_not_found"


class UnknownOAuthClientError(AuthError):
    """client_id is not that of a registered and enabled client"""

    code = "oauth_client_not_found"


class AuthorizationNotFoundError(AuthError):
    """authorization not found"""

    status = 404
    code = "oauth_authorization_not_found"


class AuthorizationNotPendingError(AuthError):
    """authorization request is no longer pending"""


class ConsentNotFoundError(AuthError):
    """No active grant found for this client"""

    status = 404
    code = "oauth_consent_not_found"


class RequestOriginError(AuthError):
    """unauthorized request origin"""


class ClientMetadataError(AuthError):
    """A field of a client's metadata is not valid; `field` is its name."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        super().__init__(f"{field} {problem}")


class OAuthProtocolError(AuthError):
    """An error that RFC 6749 §5.2 and §4.1.2.1 name, and its description for the client's developer."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        self.error = error
        self.http_status = status
        super().__init__(description)


def invalid_request(description: str) -> OAuthProtocolError:
    """Return the error of a request that lacks something or has it wrong."""
    return OAuthProtocolError("invalid_request", description)


def invalid_grant(description: str) -> OAuthProtocolError:
    """Return the error of a code or refresh token that is not, or no longer, valid for this client."""
    return OAuthProtocolError("invalid_grant", description)


def invalid_client() -> OAuthProtocolError:
    """Return the error of a client that is unknown, disabled or not authenticated: which of them is not told."""
    return OAuthProtocolError("invalid_client", "Client authentication failed", status=401)
