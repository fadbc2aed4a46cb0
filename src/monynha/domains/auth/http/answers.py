"""The answers of /auth/v1: plain JSON, and its two layouts of an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from monynha.core.errors import BadRequest, Fault, Internal, Invalid, RateLimited, Unauthenticated
from monynha.domains.auth.faults import AddressTaken, AuthFault, EmailsTooSoon, WeakPassword
from monynha.protocols.http.limits import HeaderPairs
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, headers, json_response

NEW_LAYOUT = "2024-01-01"
_VERSION = re.compile(r"2\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
# Every answer is about one person (RFC 6749 §5.1).
_PRIVATE: Headers = ((b"cache-control", b"no-store"),)


def answer(value: Any, *, status: int = 200, extra: Headers = ()) -> Response:
    """Return a plain JSON answer that no cache keeps."""
    return json_response(value, status=status, extra=(*_PRIVATE, *extra))


def with_headers(response: Response, pairs: HeaderPairs) -> Response:
    """Return the response with more headers."""
    return replace(response, headers=(*response.headers, *headers(*pairs)))


def told(fault: Fault, request: Request, stack: Sequence[str]) -> Response:
    """Tell a fault in the layout that the client asks for by `X-Supabase-Api-Version`."""
    status, code, message = _in_words_of_the_wire(fault)
    body: dict[str, Any]
    extra: Headers
    if _wants_new_layout(request):
        body = {"code": code, "message": message}
        # Official clients believe the code only if the version comes back.
        extra = headers(("X-Supabase-Api-Version", NEW_LAYOUT))
    else:
        body = {"code": status, "error_code": code, "msg": message}
        extra = headers(("X-Sb-Error-Code", code))
        if status >= 500:
            body["error_id"] = request.id
    if isinstance(fault, WeakPassword):
        body["weak_password"] = {"reasons": list(fault.reasons)}
    if stack:
        body["stack"] = list(stack)
    if status == 401:
        extra = (*extra, (b"www-authenticate", b"Bearer"))
    return json_response(body, status=status, extra=(*_PRIVATE, *extra, *headers(*fault.headers)))


def _in_words_of_the_wire(fault: Fault) -> tuple[int, str, str]:
    match fault:
        case AuthFault():
            return fault.status, fault.code, fault.message
        case EmailsTooSoon():
            return 429, "over_email_send_rate_limit", fault.message
        case WeakPassword():
            return 422, "weak_password", f"Password {fault.details['password']}"
        case AddressTaken():
            return 422, "user_already_exists", fault.message
        case Invalid():
            return 400, "validation_failed", _sentence(fault)
        case BadRequest():
            return 400, "validation_failed", fault.message
        case Unauthenticated():
            return 403, "bad_jwt", "invalid JWT: unable to parse or verify signature"
        case RateLimited():
            return 429, "over_request_rate_limit", fault.message
        case Internal():
            return 500, "unexpected_failure", fault.message
        case _:
            return fault.status, fault.code.lower(), fault.message


def _sentence(fault: Invalid) -> str:
    if "email" in fault.details and len(fault.details) == 1:
        return "Unable to validate email address: invalid format"
    return "; ".join(f"{field} {problem}" for field, problem in fault.details.items()) or fault.message


def _wants_new_layout(request: Request) -> bool:
    version = request.header(b"x-supabase-api-version") or ""
    return _VERSION.fullmatch(version) is not None and version >= NEW_LAYOUT
