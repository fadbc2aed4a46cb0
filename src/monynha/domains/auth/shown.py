"""How accounts and sessions look on auth's wire."""

from __future__ import annotations

from typing import Any

from monynha.core.wire import format_instant
from monynha.domains.auth.account import Account, Identity
from monynha.domains.auth.sessions import SignedIn
from monynha.domains.auth.tokens import AUDIENCE

_TIMES = (
    "email_confirmed_at",
    "invited_at",
    "phone_confirmed_at",
    "confirmation_sent_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "reauthentication_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


def user(account: Account) -> dict[str, Any]:
    """Return an account as its owner and admins see it; what is empty is left out where clients expect so."""
    shown: dict[str, Any] = {
        "id": str(account.id),
        "aud": AUDIENCE,
        "role": AUDIENCE,
        "email": account.email or "",
        "phone": account.phone or "",
        "app_metadata": account.app_metadata,
        "user_metadata": account.user_metadata,
        "identities": [_identity(each) for each in account.identities],
        "created_at": format_instant(account.created_at),
        "updated_at": format_instant(account.updated_at),
        "is_anonymous": account.is_anonymous,
    }
    for name in _TIMES:
        moment = getattr(account, name)
        if moment is not None:
            shown[name] = format_instant(moment)
    confirmed = [each for each in (account.email_confirmed_at, account.phone_confirmed_at) if each]
    if confirmed:
        shown["confirmed_at"] = format_instant(min(confirmed))
    if account.new_email:
        shown["new_email"] = account.new_email
    return shown


def session(signed_in: SignedIn, now_s: float) -> dict[str, Any]:
    """Return the tokens of a session with its user."""
    return {**tokens(signed_in, now_s), "user": user(signed_in.account)}


def tokens(signed_in: SignedIn, now_s: float) -> dict[str, Any]:
    """Return the tokens of a session alone."""
    return {
        "access_token": signed_in.access.text,
        "token_type": "bearer",
        "expires_in": max(1, signed_in.access.expires_at - int(now_s)),
        "expires_at": signed_in.access.expires_at,
        "refresh_token": signed_in.refresh_token,
    }


def _identity(identity: Identity) -> dict[str, Any]:
    last = identity.last_sign_in_at
    shown: dict[str, Any] = {
        "identity_id": str(identity.identity_id),
        "id": identity.id,
        "user_id": str(identity.user_id),
        "identity_data": identity.identity_data,
        "provider": identity.provider,
        "created_at": format_instant(identity.created_at),
        "updated_at": format_instant(identity.updated_at),
    }
    if last is not None:
        shown["last_sign_in_at"] = format_instant(last)
    if email := identity.identity_data.get("email"):
        shown["email"] = email
    return shown
