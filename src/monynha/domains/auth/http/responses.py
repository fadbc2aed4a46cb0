"""Responses of /auth/v1: plain JSON, and errors in GoTrue's two formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from monynha.core.errors import (
    AppError,
    BadRequestError,
    InternalError,
    RateLimitedError,
    UnauthenticatedError,
    ValidationFailedError,
)
from monynha.domains.auth.errors import (
    AuthError,
    EmailRateLimitedError,
    SignUpDisabledError,
    UserAlreadyExistsError,
    WeakPasswordError,
)
from monynha.domains.auth.factors.errors import PhoneCodeTooSoonError, RecoveryCodesLockedError
from monynha.domains.auth.phone.errors import SmsRateLimitedError
from monynha.domains.auth.services.rate_limits import HeaderPairs
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, encode_headers, json_response

NEW_ERROR_FORMAT_VERSION = "2024-01-01"
"""The API version from which on clients expect `code` to be a word."""
_VERSION = re.compile(r"2\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
# Every response is about one user (RFC 6749 §5.1).
_NO_STORE: Headers = ((b"cache-control", b"no-store"),)


def auth_response(value: object, *, status: int = 200, extra_headers: Headers = ()) -> Response:
    """Return a JSON response that no cache stores."""
    return json_response(value, status=status, extra_headers=(*_NO_STORE, *extra_headers))


def with_headers(response: Response, pairs: HeaderPairs) -> Response:
    """Return the response with more headers."""
    return replace(response, headers=(*response.headers, *encode_headers(*pairs)))


def error_response(error: AppError, request: Request, stack: Sequence[str]) -> Response:
    """Render an error in the format that the client requests by `X-Supabase-Api-Version`."""
    status, code, message = gotrue_error(error)
    body: dict[str, object]
    extra_headers: Headers
    if _wants_new_format(request):
        body = {"code": code, "message": message}
        # Official clients trust the code only if the version comes back.
        extra_headers = encode_headers(("X-Supabase-Api-Version", NEW_ERROR_FORMAT_VERSION))
    else:
        body = {"code": status, "error_code": code, "msg": message}
        extra_headers = encode_headers(("X-Sb-Error-Code", code))
        if status >= 500:
            body["error_id"] = request.id
    if isinstance(error, WeakPasswordError):
        body["weak_password"] = {"reasons": list(error.reasons)}
    if stack:
        body["stack"] = list(stack)
    if status == 401:
        extra_headers = (*extra_headers, (b"www-authenticate", b"Bearer"))
    all_headers = (*_NO_STORE, *extra_headers, *encode_headers(*error.headers))
    return json_response(body, status=status, extra_headers=all_headers)


def gotrue_error(error: AppError) -> tuple[int, str, str]:
    """Return the status, code and message that GoTrue has for an error."""
    match error:
        case AuthError():
            return error.status, error.code, error.message
        case SmsRateLimitedError():
            return 429, "over_sms_send_rate_limit", error.message
        case EmailRateLimitedError():
            return 429, "over_email_send_rate_limit", error.message
        case PhoneCodeTooSoonError():
            return 429, "over_sms_send_rate_limit", error.message
        case RecoveryCodesLockedError():
            return 429, "mfa_recovery_codes_locked", error.message
        case WeakPasswordError():
            # GoTrue's words, by which clients recognize the message.
            problem = str(error.details["password"]).replace("must be", "should be")
            return 422, "weak_password", f"Password {problem}"
        case SignUpDisabledError():
            return 422, "signup_disabled", error.message
        case UserAlreadyExistsError():
            return 422, "user_already_exists", error.message
        case ValidationFailedError():
            return 400, "validation_failed", _validation_message(error)
        case BadRequestError():
            return 400, "validation_failed", error.message
        case UnauthenticatedError():
            return 403, "bad_jwt", "invalid JWT: unable to parse or verify signature"
        case RateLimitedError():
            return 429, "over_request_rate_limit", error.message
        case InternalError():
            return 500, "unexpected_failure", error.message
        case _:
            return error.status, error.code.lower(), error.message


def _validation_message(error: ValidationFailedError) -> str:
    if "email" in error.details and len(error.details) == 1:
        return "Unable to validate email address: invalid format"
    if "phone" in error.details and len(error.details) == 1:
        return "Invalid phone number format (E.164 required)"
    return "; ".join(f"{field} {problem}" for field, problem in error.details.items()) or error.message


def _wants_new_format(request: Request) -> bool:
    version = request.header(b"x-supabase-api-version") or ""
    return _VERSION.fullmatch(version) is not None and version >= NEW_ERROR_FORMAT_VERSION
