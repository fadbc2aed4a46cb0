"""Access tokens that tests sign themselves, valid or not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import orjson

from monynha.domains.auth.tokens.access_tokens import AccessTokens
from tests.domains.auth.manual_clock import ManualClock

SECRET = "a-secret-of-the-tests-that-is-long-enough"


NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


START = int(NOW.timestamp())


SUB = "11111111-1111-4111-8111-111111111111"


SESSION = "22222222-2222-4222-8222-222222222222"
ISSUER = "https://a.example/auth/v1"


def access_tokens(clock: ManualClock | None = None, other_issuers: tuple[str, ...] = ()) -> AccessTokens:
    return AccessTokens(
        SECRET,
        issuer=ISSUER,
        other_issuers=other_issuers,
        ttl_s=3600,
        clock=clock or ManualClock(NOW),
    )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign_token(
    claims: Any,
    *,
    header: Any = None,
    secret: str = SECRET,
    digest: Any = hashlib.sha256,
    raw: bytes | None = None,
) -> str:
    """Sign without the library that is tested."""
    head = _base64url(orjson.dumps(header or {"alg": "HS256", "typ": "JWT"}))
    body = _base64url(raw if raw is not None else orjson.dumps(claims))
    return f"{head}.{body}.{_base64url(hmac.digest(secret.encode(), f'{head}.{body}'.encode(), digest))}"


def valid_claims(**more: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "sub": SUB,
        "role": "authenticated",
        "exp": START + 60,
        "session_id": SESSION,
        **more,
    }
    return {key: value for key, value in claims.items() if value is not ...}
