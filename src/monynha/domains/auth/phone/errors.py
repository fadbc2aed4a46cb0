"""Errors of phone numbers and text messages; the docstring of each class is its message."""

from __future__ import annotations

from monynha.core.errors import RateLimitedError
from monynha.domains.auth.errors import AuthError


class PhoneSignUpDisabledError(AuthError):
    """Phone signups are disabled"""

    status = 400
    code = "phone_provider_disabled"


class PhoneSignInDisabledError(AuthError):
    """Phone logins are disabled"""

    status = 422
    code = "phone_provider_disabled"


class PhoneNotConfirmedError(AuthError):
    """Phone not confirmed"""

    code = "phone_not_confirmed"


class PhoneExistsError(AuthError):
    """A user with this phone number has already been registered"""

    status = 422
    code = "phone_exists"


class SmsSendFailedError(AuthError):
    """Error sending the code: MONYNHA_SMS_HOOK_URL is not set"""

    status = 422
    code = "sms_send_failed"


class SmsRateLimitedError(RateLimitedError):
    """For security purposes, you can only request this again later."""

    def __init__(self, wait_s: int) -> None:
        message = f"For security purposes, you can only request this after {wait_s} seconds."
        super().__init__(message, retry_after_s=wait_s)
