"""Errors of auth with GoTrue's codes; the general ones are in `core/errors`.

The docstring of each class is its message, as official clients show it.
"""

from __future__ import annotations

from monynha.core.errors import AppError, ConflictError, ForbiddenError, RateLimitedError, ValidationFailedError


class AuthError(AppError):
    """The request was refused."""

    status = 400
    code = "validation_failed"


class InvalidAuthRequestError(AuthError):
    """The request is not valid"""


class BadJsonError(AuthError):
    """Could not parse request body as JSON"""

    code = "bad_json"


class InvalidCredentialsError(AuthError):
    """Invalid login credentials"""

    code = "invalid_credentials"


class EmailNotConfirmedError(AuthError):
    """Email not confirmed"""

    code = "email_not_confirmed"


class BannedAtSignInError(AuthError):
    """User is banned"""

    code = "user_banned"


class UserBannedError(AuthError):
    """User is banned"""

    status = 403
    code = "user_banned"


class RefreshTokenNotFoundError(AuthError):
    """Invalid Refresh Token: Refresh Token Not Found"""

    code = "refresh_token_not_found"


class RefreshTokenAlreadyUsedError(AuthError):
    """Invalid Refresh Token: Already Used"""

    code = "refresh_token_already_used"


class RefreshSessionNotFoundError(AuthError):
    """Invalid Refresh Token: Session Not Found"""

    code = "session_not_found"


class SessionExpiredError(AuthError):
    """Invalid Refresh Token: Session Expired"""

    code = "session_expired"


class ScopeNotGrantedError(AuthError):
    """The requested scope exceeds what was granted"""

    code = "insufficient_scope"


class MissingBearerTokenError(AuthError):
    """This endpoint requires a valid Bearer token"""

    status = 401
    code = "no_authorization"


class BadJwtError(AuthError):
    """invalid JWT: unable to parse or verify signature"""

    status = 403
    code = "bad_jwt"


class TokenUserNotFoundError(AuthError):
    """User from sub claim in JWT does not exist"""

    status = 403
    code = "user_not_found"


class TokenSessionNotFoundError(AuthError):
    """Session from session_id claim in JWT does not exist"""

    status = 403
    code = "session_not_found"


class NotAdminError(AuthError):
    """User not allowed"""

    status = 403
    code = "not_admin"


class LimitedTokenError(AuthError):
    """API tokens and tokens with limited scopes are not accepted here; sign in"""

    status = 403
    code = "insufficient_scope"


class UserNotFoundError(AuthError):
    """User not found"""

    status = 404
    code = "user_not_found"


class InvalidUserIdError(AuthError):
    """user_id must be an UUID"""

    status = 404
    code = "validation_failed"


class OtpExpiredError(AuthError):
    """Token has expired or is invalid"""

    status = 403
    code = "otp_expired"


class SamePasswordError(AuthError):
    """New password should be different from the old password."""

    status = 422
    code = "same_password"


class CurrentPasswordInvalidError(AuthError):
    """Current password is incorrect"""

    code = "current_password_invalid"


class ReauthenticationNotValidError(AuthError):
    """Nonce has expired or is invalid"""

    status = 422
    code = "reauthentication_not_valid"


class EmailExistsError(AuthError):
    """A user with this email address has already been registered"""

    status = 422
    code = "email_exists"


class FlowStateNotFoundError(AuthError):
    """invalid flow state, no valid flow state found"""

    status = 404
    code = "flow_state_not_found"


class FlowStateExpiredError(AuthError):
    """invalid flow state, flow state has expired"""

    status = 422
    code = "flow_state_expired"


class BadCodeVerifierError(AuthError):
    """code challenge does not match previously saved code verifier"""

    code = "bad_code_verifier"


class EmailRateLimitedError(RateLimitedError):
    """For security purposes, you can only request this again later."""

    def __init__(self, wait_s: int) -> None:
        message = f"For security purposes, you can only request this after {wait_s} seconds."
        super().__init__(message, retry_after_s=wait_s)


class SignUpDisabledError(ForbiddenError):
    """Signups not allowed for this instance"""


class UserAlreadyExistsError(ConflictError):
    """User already registered"""

    def __init__(self) -> None:
        super().__init__(email="is already registered")


class WeakPasswordError(ValidationFailedError):
    """The password is not acceptable; `reasons` are GoTrue's: `length`, `characters`, `pwned`."""

    def __init__(self, message: str, *reasons: str) -> None:
        super().__init__(details={"password": message})
        self.reasons = reasons
