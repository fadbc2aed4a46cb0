"""Errors of signing in with a provider, with GoTrue's codes.

`OAuthError` has the form of RFC 6749 §5.2; the others that of GoTrue.
"""

from __future__ import annotations

from monynha.domains.auth.errors import AuthError


class ProviderDisabledError(AuthError):
    """Unsupported provider: provider is not enabled"""

    code = "provider_disabled"


class ProviderUnavailableError(AuthError):
    """The provider does not respond as it should; please try again later"""

    status = 502
    code = "unexpected_failure"


class OAuthError(AuthError):
    """A failure by the words of OAuth: `error` is its code, the message its description."""

    code = "validation_failed"

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


class BadOAuthCallbackError(AuthError):
    """OAuth state parameter missing"""

    code = "bad_oauth_callback"


class BadOAuthStateError(AuthError):
    """OAuth state not found or expired"""

    code = "bad_oauth_state"


class CodeExchangeError(AuthError):
    """Unable to exchange external code"""

    status = 500
    code = "unexpected_failure"


class BadProviderTokenError(AuthError):
    """The provider's response is not valid"""

    status = 500
    code = "unexpected_failure"


class EmailNotProvidedError(AuthError):
    """Error getting user email from external provider"""

    status = 422
    code = "email_address_not_provided"


class ProviderEmailUnverifiedError(AuthError):
    """Unverified email with the provider. Verify the email there in order to sign in"""

    status = 422
    code = "provider_email_needs_verification"


class AddressNotProvenError(AuthError):
    """A user with this email address has already been registered; sign in as before and link the provider there"""

    status = 422
    code = "email_exists"


class ManualLinkingDisabledError(AuthError):
    """Manual linking is disabled"""

    status = 404
    code = "manual_linking_disabled"


class IdentityExistsError(AuthError):
    """Identity is already linked"""

    status = 422
    code = "identity_already_exists"


class IdentityNotFoundError(AuthError):
    """Identity doesn't exist"""

    status = 422
    code = "identity_not_found"


class InvalidIdentityIdError(AuthError):
    """identity_id must be an UUID"""

    status = 404
    code = "validation_failed"


class LastIdentityError(AuthError):
    """User must have at least 1 identity after unlinking"""

    status = 422
    code = "single_identity_not_deletable"


class IdentityEmailConflictError(AuthError):
    """Unable to unlink identity due to email conflict"""

    status = 422
    code = "email_conflict_identity_not_deletable"
