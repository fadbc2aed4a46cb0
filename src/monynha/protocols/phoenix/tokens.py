"""Tokens as Supabase's realtime speaks of them: what is wrong with one, in the words its clients know."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from typing import Any

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import Unauthenticated

Verify = Callable[[str], tuple[Actor, float | None]]
"""Verifies a token: who it speaks for, and when it ends."""


class Refused(Exception):
    """A join or a token that is not taken; the message is `Code: text`."""


def verified(verify: Verify, token: object) -> tuple[Actor, float | None]:
    """Return whom a token speaks for (Refused)."""
    if not isinstance(token, str) or not token:
        raise Refused("MalformedJWT: The token provided is not a valid JWT")
    try:
        return verify(token)
    except Unauthenticated:
        raise Refused(_reason(token)) from None


def _reason(token: str) -> str:
    try:
        claims: Any = orjson.loads(_decoded(token.split(".")[1]))
        is_whole = token.count(".") == 2 and isinstance(orjson.loads(_decoded(token.split(".")[0])), dict)
    except (ValueError, IndexError, binascii.Error):
        is_whole, claims = False, None
    if not is_whole or not isinstance(claims, dict):
        return "MalformedJWT: The token provided is not a valid JWT"
    ends = claims.get("exp")
    if not isinstance(ends, int | float) or not isinstance(claims.get("role"), str):
        return "InvalidJWTToken: Fields `role` and `exp` are required in JWT"
    ago = int(time.time() - ends)
    if ago >= 0:
        return f"InvalidJWTToken: Token has expired {ago} seconds ago"
    return "JwtSignatureError: Failed to validate JWT signature"


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def told_to_handshake(refused: Refused) -> str:
    """Return the reason as the handshake tells it, without its code."""
    text = str(refused).partition(": ")[2]
    return "Token has expired" if text.startswith("Token has expired") else text
