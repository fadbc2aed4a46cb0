"""Tokens as Supabase's realtime speaks of them: what is wrong with one, in the words its clients know."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from typing import Any

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import UnauthenticatedError

VerifyToken = Callable[[str], tuple[Actor, float | None]]
"""Verifies a token: who it speaks for, and when it ends."""


class JoinRefusedError(Exception):
    """A join or a token that is not taken; the message is `Code: text`."""


def authenticate_token(verify_access_token: VerifyToken, token: object) -> tuple[Actor, float | None]:
    """Return whom a token speaks for (Refused)."""
    if not isinstance(token, str) or not token:
        raise JoinRefusedError("MalformedJWT: The token provided is not a valid JWT")
    try:
        return verify_access_token(token)
    except UnauthenticatedError:
        raise JoinRefusedError(_failure_reason(token)) from None


def _failure_reason(token: str) -> str:
    try:
        claims: Any = orjson.loads(_decode_part(token.split(".")[1]))
        is_well_formed = token.count(".") == 2 and isinstance(orjson.loads(_decode_part(token.split(".")[0])), dict)
    except (ValueError, IndexError, binascii.Error):
        is_well_formed, claims = False, None
    if not is_well_formed or not isinstance(claims, dict):
        return "MalformedJWT: The token provided is not a valid JWT"
    expires_at = claims.get("exp")
    if not isinstance(expires_at, int | float) or not isinstance(claims.get("role"), str):
        return "InvalidJWTToken: Fields `role` and `exp` are required in JWT"
    expired_for_s = int(time.time() - expires_at)
    if expired_for_s >= 0:
        return f"InvalidJWTToken: Token has expired {expired_for_s} seconds ago"
    return "JwtSignatureError: Failed to validate JWT signature"


def _decode_part(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def handshake_reason(error: JoinRefusedError) -> str:
    """Return the reason as the handshake tells it, without its code."""
    text = str(error).partition(": ")[2]
    return "Token has expired" if text.startswith("Token has expired") else text
