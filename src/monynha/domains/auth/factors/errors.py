"""Errors of second factors and passkeys with GoTrue's codes; the docstring of each class is its message."""

from __future__ import annotations

from monynha.core.errors import RateLimitedError
from monynha.domains.auth.errors import AuthError


class AnonymousUserError(AuthError):
    """Anonymous user not allowed to perform these actions"""

    status = 403
    code = "no_authorization"


class SessionRequiredError(AuthError):
    """This endpoint requires a token that belongs to a session"""

    status = 403
    code = "session_not_found"


class AalTooLowError(AuthError):
    """AAL2 session is required"""

    status = 403
    code = "insufficient_aal"


class AalTooLowToUpdateError(AuthError):
    """AAL2 session is required to update email or password when MFA is enabled."""

    status = 401
    code = "insufficient_aal"


class AalTooLowToUnenrollError(AuthError):
    """AAL2 required to unenroll verified factor"""

    status = 422
    code = "insufficient_aal"


class FactorNotFoundError(AuthError):
    """Factor not found"""

    status = 404
    code = "mfa_factor_not_found"


class InvalidFactorIdError(AuthError):
    """factor_id must be an UUID"""

    status = 404
    code = "validation_failed"


class FactorNameConflictError(AuthError):
    """A factor with the friendly name for this user already exists"""

    status = 422
    code = "mfa_factor_name_conflict"


class TooManyFactorsError(AuthError):
    """Maximum number of verified factors reached, unenroll to continue"""

    status = 422
    code = "too_many_enrolled_mfa_factors"


class VerifiedFactorExistsError(AuthError):
    """A verified phone factor already exists, unenroll the existing factor to continue"""

    status = 422
    code = "mfa_verified_factor_exists"


class ChallengeNotFoundError(AuthError):
    """MFA factor with the provided challenge ID not found"""

    status = 422
    code = "mfa_factor_not_found"


class ChallengeExpiredError(AuthError):
    """MFA challenge has expired, verify against another challenge or create a new challenge."""

    status = 422
    code = "mfa_challenge_expired"


class VerificationFailedError(AuthError):
    """Invalid TOTP code entered"""

    status = 422
    code = "mfa_verification_failed"


class PhoneFactorDisabledError(AuthError):
    """MFA enroll is disabled for Phone"""

    status = 422
    code = "mfa_phone_enroll_not_enabled"


class PhoneVerificationDisabledError(AuthError):
    """MFA verification is disabled for Phone"""

    status = 422
    code = "mfa_phone_verify_not_enabled"


class WebAuthnDisabledError(AuthError):
    """MFA enroll is disabled for WebAuthn"""

    status = 422
    code = "mfa_webauthn_enroll_not_enabled"


class SoleFactorError(AuthError):
    """Recovery codes need another verified factor"""

    status = 422
    code = "mfa_recovery_codes_sole_factor"


class PasskeyDisabledError(AuthError):
    """Passkeys are disabled"""

    status = 404
    code = "passkey_disabled"


class PasskeyNotFoundError(AuthError):
    """Passkey not found"""

    status = 404
    code = "validation_failed"


class TooManyPasskeysError(AuthError):
    """Maximum number of passkeys reached"""

    status = 422
    code = "too_many_passkeys"


class WebAuthnChallengeNotFoundError(AuthError):
    """Challenge not found or already used"""

    code = "webauthn_challenge_not_found"


class WebAuthnChallengeExpiredError(AuthError):
    """Challenge has expired"""

    code = "webauthn_challenge_expired"


class WebAuthnVerificationFailedError(AuthError):
    """Credential verification failed"""

    code = "webauthn_verification_failed"


class CredentialExistsError(AuthError):
    """This credential is already registered"""

    status = 422
    code = "webauthn_credential_exists"


class UnconfirmedAtPasskeyError(AuthError):
    """Email not confirmed"""

    status = 403
    code = "email_not_confirmed"


class FactorLockedError(RateLimitedError):
    """Too many wrong codes: wait, or use another factor."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=max(1, retry_after_s))


class RecoveryCodesLockedError(FactorLockedError):
    """Too many wrong recovery codes: wait, or use another factor."""


class PhoneCodeTooSoonError(RateLimitedError):
    """For security purposes, you can only request this again later."""

    def __init__(self, wait_s: int) -> None:
        message = f"For security purposes, you can only request this after {wait_s} seconds."
        super().__init__(message, retry_after_s=wait_s)
