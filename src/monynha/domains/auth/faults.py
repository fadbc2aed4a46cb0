"""What auth refuses, in the words of its wire; the rest of the tree is in core/errors.

The docstring of each is the message that official clients show.
"""

from __future__ import annotations

from monynha.core.errors import Conflict, Fault, Invalid, RateLimited


class AuthFault(Fault):
    """The request was refused."""

    status = 400
    code = "validation_failed"


class ValidationFailed(AuthFault):
    """The request is not valid"""


class BadJson(AuthFault):
    """Could not parse request body as JSON"""

    code = "bad_json"


class InvalidCredentials(AuthFault):
    """Invalid login credentials"""

    code = "invalid_credentials"


class EmailNotConfirmed(AuthFault):
    """Email not confirmed"""

    code = "email_not_confirmed"


class BannedAtSignIn(AuthFault):
    """User is banned"""

    code = "user_banned"


class Banned(AuthFault):
    """User is banned"""

    status = 403
    code = "user_banned"


class RefreshTokenNotFound(AuthFault):
    """Invalid Refresh Token: Refresh Token Not Found"""

    code = "refresh_token_not_found"


class RefreshTokenAlreadyUsed(AuthFault):
    """Invalid Refresh Token: Already Used"""

    code = "refresh_token_already_used"


class SessionEnded(AuthFault):
    """Invalid Refresh Token: Session Not Found"""

    code = "session_not_found"


class SessionExpired(AuthFault):
    """Invalid Refresh Token: Session Expired"""

    code = "session_expired"


class NoAuthorization(AuthFault):
    """This endpoint requires a valid Bearer token"""

    status = 401
    code = "no_authorization"


class BadJwt(AuthFault):
    """invalid JWT: unable to parse or verify signature"""

    status = 403
    code = "bad_jwt"


class UserFromTokenNotFound(AuthFault):
    """User from sub claim in JWT does not exist"""

    status = 403
    code = "user_not_found"


class SessionNotFound(AuthFault):
    """Session from session_id claim in JWT does not exist"""

    status = 403
    code = "session_not_found"


class NotAdmin(AuthFault):
    """User not allowed"""

    status = 403
    code = "not_admin"


class UserNotFound(AuthFault):
    """User not found"""

    status = 404
    code = "user_not_found"


class NoSuchId(AuthFault):
    """user_id must be an UUID"""

    status = 404
    code = "validation_failed"


class OtpExpired(AuthFault):
    """Token has expired or is invalid"""

    status = 403
    code = "otp_expired"


class SamePassword(AuthFault):
    """New password should be different from the old password."""

    status = 422
    code = "same_password"


class CurrentPasswordInvalid(AuthFault):
    """Current password is not right"""

    code = "current_password_invalid"


class ReauthenticationNotValid(AuthFault):
    """Nonce has expired or is invalid"""

    status = 422
    code = "reauthentication_not_valid"


class EmailExists(AuthFault):
    """A user with this email address has already been registered"""

    status = 422
    code = "email_exists"


class FlowStateNotFound(AuthFault):
    """invalid flow state, no valid flow state found"""

    status = 404
    code = "flow_state_not_found"


class FlowStateExpired(AuthFault):
    """invalid flow state, flow state has expired"""

    status = 422
    code = "flow_state_expired"


class BadCodeVerifier(AuthFault):
    """code challenge does not match previously saved code verifier"""

    code = "bad_code_verifier"


class EmailsTooSoon(RateLimited):
    """Another mail to that address may be asked for after some seconds."""

    def __init__(self, wait_s: int) -> None:
        message = f"For security purposes, you can only request this after {wait_s} seconds."
        super().__init__(message, retry_after_s=wait_s)


class AddressTaken(Conflict):
    """User already registered"""

    def __init__(self) -> None:
        super().__init__(email="is already registered")


class WeakPassword(Invalid):
    """The validation of the password failed."""

    def __init__(self, message: str, *reasons: str) -> None:
        super().__init__(details={"password": message})
        self.reasons = reasons
