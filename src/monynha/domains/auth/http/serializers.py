"""JSON representations of accounts and sessions in /auth/v1."""

from __future__ import annotations

from monynha.core.serialization import format_timestamp
from monynha.domains.auth.accounts.account import Account, Identity
from monynha.domains.auth.accounts.factor import Factor
from monynha.domains.auth.services.sessions import IssuedSession
from monynha.domains.auth.tokens.token_actors import AUDIENCE

_OPTIONAL_TIMESTAMPS = (
    "email_confirmed_at",
    "invited_at",
    "phone_confirmed_at",
    "confirmation_sent_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "phone_change_sent_at",
    "reauthentication_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


def user_json(account: Account) -> dict[str, object]:
    """Return an account as its owner and admins see it; fields that GoTrue omits when empty are omitted."""
    body: dict[str, object] = {
        "id": str(account.id),
        "aud": AUDIENCE,
        "role": account.role or AUDIENCE,
        "email": account.email or "",
        "phone": account.phone or "",
        "app_metadata": account.app_metadata,
        "user_metadata": account.user_metadata,
        "identities": [_identity_json(identity) for identity in account.identities],
        "created_at": format_timestamp(account.created_at),
        "updated_at": format_timestamp(account.updated_at),
        "is_anonymous": account.is_anonymous,
    }
    for field in _OPTIONAL_TIMESTAMPS:
        timestamp = getattr(account, field)
        if timestamp is not None:
            body[field] = format_timestamp(timestamp)
    confirmed_at = [timestamp for timestamp in (account.email_confirmed_at, account.phone_confirmed_at) if timestamp]
    if confirmed_at:
        body["confirmed_at"] = format_timestamp(min(confirmed_at))
    if account.new_email:
        body["new_email"] = account.new_email
    if account.new_phone:
        body["new_phone"] = account.new_phone
    if account.factors:
        body["factors"] = [factor_json(factor) for factor in account.factors]
    return body


def factor_json(factor: Factor) -> dict[str, object]:
    """Return a second factor as its user and admins see it."""
    body: dict[str, object] = {
        "id": str(factor.id),
        "factor_type": factor.factor_type.value,
        "status": "verified" if factor.is_verified else "unverified",
        "created_at": format_timestamp(factor.created_at),
        "updated_at": format_timestamp(factor.updated_at),
    }
    if factor.friendly_name:
        body["friendly_name"] = factor.friendly_name
    if factor.phone:
        body["phone"] = factor.phone
    if factor.last_challenged_at:
        body["last_challenged_at"] = format_timestamp(factor.last_challenged_at)
    return body


def session_json(issued: IssuedSession, now_s: float) -> dict[str, object]:
    """Return the tokens of a session with its user."""
    return {**tokens_json(issued, now_s), "user": user_json(issued.account)}


def tokens_json(issued: IssuedSession, now_s: float) -> dict[str, object]:
    """Return the tokens of a session without its user."""
    return {
        "access_token": issued.access_token.text,
        "token_type": "bearer",
        "expires_in": max(1, issued.access_token.expires_at - int(now_s)),
        "expires_at": issued.access_token.expires_at,
        "refresh_token": issued.refresh_token,
        **issued.provider_tokens,
    }


def _identity_json(identity: Identity) -> dict[str, object]:
    body: dict[str, object] = {
        "identity_id": str(identity.identity_id),
        "id": identity.id,
        "user_id": str(identity.user_id),
        "identity_data": identity.identity_data,
        "provider": identity.provider,
        "created_at": format_timestamp(identity.created_at),
        "updated_at": format_timestamp(identity.updated_at),
    }
    if identity.last_sign_in_at is not None:
        body["last_sign_in_at"] = format_timestamp(identity.last_sign_in_at)
    if email := identity.identity_data.get("email"):
        body["email"] = email
    return body
