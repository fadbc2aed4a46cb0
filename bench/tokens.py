"""Time of one token check, cached and at first sight: `python -m bench.tokens`.

Printed is the fastest of many batches in µs, since other programs of the machine only ever make it slower.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

from monynha.core.clock import utc_now
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.auth.tokens.jwk import generate_key
from monynha.domains.auth.tokens.jws import ALGORITHMS, sign_jws
from monynha.domains.auth.tokens.signing_keys import KeySet, SigningKey

_SECRET = "a-secret-for-measuring-that-is-long-enough"
_ISSUER = "https://board.example/auth/v1"
_BATCHES, _BATCH_SIZE = 60, 100


def _claims() -> dict[str, object]:
    user_id, now = str(uuid4()), int(utc_now().timestamp())
    email = "ada.lovelace@example.com"
    return {
        "iss": _ISSUER,
        "sub": user_id,
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": email,
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"name": "Ada Lovelace", "email": email, "email_verified": True, "sub": user_id},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": str(uuid4()),
        "is_anonymous": False,
    }


def _measure(verify: Callable[[str], object], make_tokens: Callable[[], list[str]]) -> tuple[float, float]:
    """Return the µs of one check at first sight, and of one that is cached."""
    first: list[float] = []
    cached: list[float] = []
    for _ in range(_BATCHES):
        tokens = make_tokens()
        for times in (first, cached):
            started = time.perf_counter()
            for token in tokens:
                verify(token)
            times.append((time.perf_counter() - started) / len(tokens) * 1e6)
    return min(first), min(cached)


def main() -> None:
    """Print a row for each kind of token."""
    print(f"{'':<12}{'first sight':>12}{'cached':>10}  µs")
    for algorithm in ALGORITHMS:
        key = generate_key(algorithm)
        now = utc_now()
        keys = KeySet(_SECRET, algorithm=algorithm, keys=[SigningKey("a-key", key, True, now, None)])
        tokens = AccessTokens(_SECRET, issuer=_ISSUER, ttl_s=3600, keys=keys)
        signed = [[sign_jws(_claims(), key, "a-key") for _ in range(_BATCH_SIZE)] for _ in range(_BATCHES)]
        first, cached = _measure(tokens.verify, iter(signed).__next__)
        print(f"{algorithm:<12}{first:>12.1f}{cached:>10.1f}")
    tokens = AccessTokens(_SECRET, issuer=_ISSUER, ttl_s=3600)
    api_tokens = [
        [
            tokens.api_tokens.create(uuid4(), ("read",), is_project_limited=False, aal="aal1", expires_at=None).text
            for _ in range(_BATCH_SIZE)
        ]
        for _ in range(_BATCHES)
    ]
    first, cached = _measure(tokens.verify, iter(api_tokens).__next__)
    print(f"{'API token':<12}{first:>12.1f}{cached:>10.1f}")


if __name__ == "__main__":
    main()
