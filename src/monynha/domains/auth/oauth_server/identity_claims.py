"""Identity claims: what a client learns about the person, by the scopes it was granted (OpenID Connect §5.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from monynha.domains.auth.accounts.account import Account

CLAIMS: Final = ("sub", "email", "email_verified", "name", "picture", "preferred_username", "updated_at")


def identity_claims(account: Account, scopes: Collection[str]) -> dict[str, object]:
    """Return the claims of the userinfo endpoint and of ID tokens."""
    claims: dict[str, object] = {"sub": str(account.id)}
    if "email" in scopes and account.email:
        claims |= {"email": account.email, "email_verified": account.is_verified}
    if "profile" in scopes:
        metadata = account.user_metadata
        claims |= {"name": account.name, "updated_at": int(account.updated_at.timestamp())}
        for claim, keys in {
            "picture": ("picture", "avatar_url"),
            "preferred_username": ("preferred_username",),
        }.items():
            values = [metadata[key] for key in keys if isinstance(metadata.get(key), str) and metadata[key]]
            if values:
                claims[claim] = values[0]
    return claims
