"""Verify access tokens for channels, with the error messages that Supabase's clients know."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import UnauthenticatedError

VerifyToken = Callable[[str], Actor]
"""Returns whom an access token authenticates; UnauthenticatedError for an invalid one."""
_MALFORMED = "MalformedJWT: The token provided is not a valid JWT"


class JoinRefusedError(Exception):
    """A join or a new token is refused; the message is `Code: text`."""


def authenticate_token(verify_token: VerifyToken, token: object) -> Actor:
    """Return whom a token authenticates; JoinRefusedError with Supabase's message for an invalid one."""
    if not isinstance(token, str) or not token:
        raise JoinRefusedError(_MALFORMED)
    try:
        return verify_token(token)
    except UnauthenticatedError:
        raise JoinRefusedError(_failure_reason(token)) from None


def handshake_reason(error: JoinRefusedError) -> str:
    """Return the message for a refused handshake, which has no code and no number of seconds."""
    text = str(error).partition(": ")[2]
    return "Token has expired" if text.startswith("Token has expired") else text


def _failure_reason(token: str) -> str:
    try:
        header, claims = (orjson.loads(_decode_part(part)) for part in token.split(".")[:2])
    except (ValueError, binascii.Error):
        return _MALFORMED
    if token.count(".") != 2 or not isinstance(header, dict) or not isinstance(claims, dict):
        return _MALFORMED
    expires_at = claims.get("exp")
    if not isinstance(expires_at, int | float) or not isinstance(claims.get("role"), str):
        return "InvalidJWTToken: Fields `role` and `exp` are required in JWT"
    expired_for_s = int(time.time() - expires_at)
    if expired_for_s >= 0:
        return f"InvalidJWTToken: Token has expired {expired_for_s} seconds ago"
    return "JwtSignatureError: Failed to validate JWT signature"


def _decode_part(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
