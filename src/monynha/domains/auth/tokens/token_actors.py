"""The actor that a verified token stands for: a person, within the limits of the token, or the holder of a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from monynha.core.actor import ANONYMOUS, TOKEN_SCOPES, Actor, ActorKind, TokenLimits, encode_claims
from monynha.core.errors import UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.accounts.metadata import contains_nul
from monynha.domains.auth.tokens.api_tokens import ApiToken

AUDIENCE = "authenticated"
SERVICE_ACTOR = Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')
_SERVICE_ROLES = (ActorKind.SERVICE.value, "supabase_admin")
_OWN_CLAIMS = frozenset({"token_id", "foreign"})
_LIMITING_CLAIMS = ("scopes", "project_ids")


def actor_of_claims(claims: Mapping[str, object], *, is_issuer_accepted: bool) -> Actor:
    """Return the actor of an access token or API key by its claims; UnauthenticatedError if they are not valid.

    A person's token must have an accepted issuer (RFC 8725 §3.8); a key may have any, or none.
    """
    role, expires_at = claims.get("role"), _expiry(claims)
    if role in _SERVICE_ROLES:
        return _service_actor(claims, expires_at)
    if expires_at is None:
        raise UnauthenticatedError()
    if claims.get("sub") is None and role == ActorKind.ANONYMOUS.value:
        return replace(ANONYMOUS, expires_at=expires_at)
    if not is_issuer_accepted:
        raise UnauthenticatedError()
    return _person(_without_null_limits(claims), expires_at)


def actor_of_foreign_claims(claims: Mapping[str, object], *, creates_account: bool) -> Actor:
    """Return the person of a foreign issuer's token: of its keys and other roles we know nothing.

    Its session is not ours, and of its metadata only our own account's row makes anybody an admin. The first claim
    tells PostgreSQL that the account may not exist yet, and whether it is created then.
    """
    claims, expires_at = _without_null_limits(claims), _expiry(claims)
    if expires_at is None:
        raise UnauthenticatedError()
    actor = _person({**claims, "session_id": None}, expires_at)
    if actor.limits is not None:
        return replace(actor, is_admin=False)
    return replace(actor, claims=encode_claims({"foreign": creates_account, **claims}), is_admin=False, is_foreign=True)


def actor_of_api_token(token: ApiToken, issuer: str) -> Actor:
    """Return the owner of an API token, within its limits."""
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": str(token.user_id),
        "aud": AUDIENCE,
        "role": ActorKind.USER.value,
        "aal": token.aal,
        "token_id": str(token.id),
        "scopes": [scope for scope in TOKEN_SCOPES if scope in token.scopes],
    }
    if token.expires_at is not None:
        claims["exp"] = token.expires_at
    limits = TokenLimits(token.scopes, token.is_resource_limited, is_api_token=True)
    expires_at = None if token.expires_at is None else float(token.expires_at)
    return Actor(ActorKind.USER, token.user_id, token.id, _claims_json(claims), expires_at=expires_at, limits=limits)


def _person(claims: Mapping[str, object], expires_at: float) -> Actor:
    subject = claims.get("sub")
    user_id = parse_uuid(subject) if isinstance(subject, str) else None
    audience = claims.get("aud", AUDIENCE)
    # Only the text of an API token states `token_id`.
    # `foreign` is what we state of another issuer's token.
    is_person = user_id is not None and claims.get("role") == ActorKind.USER.value and not _OWN_CLAIMS & claims.keys()
    audiences = [audience] if isinstance(audience, str) else audience
    if not is_person or not isinstance(audiences, list) or AUDIENCE not in audiences:
        raise UnauthenticatedError()
    limits = _parse_limits(claims)
    metadata = claims.get("app_metadata")
    is_admin = isinstance(metadata, dict) and metadata.get("role") == "admin"
    if limits is not None:
        is_admin = is_admin and "admin" in limits.scopes and not limits.is_resource_limited
    return Actor(
        ActorKind.USER,
        user_id,
        _session_id(claims),
        _claims_json(claims),
        is_admin=is_admin,
        expires_at=expires_at,
        limits=limits,
    )


def _parse_limits(claims: Mapping[str, object]) -> TokenLimits | None:
    """Return what the claims limit the token to, None if nothing; UnauthenticatedError if they are malformed."""
    scopes, project_ids = (claims.get(name) for name in _LIMITING_CLAIMS)
    if scopes is None and project_ids is None:
        return None
    _texts(scopes)
    if any(parse_uuid(text) is None for text in _texts(project_ids)):
        raise UnauthenticatedError()
    return TokenLimits.from_claims(claims)


def _texts(value: object) -> list[str]:
    """Return a claim that is a list of texts or null; UnauthenticatedError for another."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UnauthenticatedError()
    return value


def _without_null_limits(claims: Mapping[str, object]) -> Mapping[str, object]:
    """Return the claims without limits that are null, which are none: PostgreSQL looks for the name."""
    if any(name in claims and claims[name] is None for name in _LIMITING_CLAIMS):
        return {name: value for name, value in claims.items() if name not in _LIMITING_CLAIMS or value is not None}
    return claims


def _expiry(claims: Mapping[str, object]) -> float | None:
    value = claims.get("exp")
    return float(value) if isinstance(value, int | float) else None


def _service_actor(claims: Mapping[str, object], expires_at: float | None) -> Actor:
    """Return the holder of a service key.

    A `sub`, which hand-made keys may contain, names nobody here: `auth.uid()` would read it as the id of a user.
    A key cannot be limited, so that one which tries to be is refused.
    """
    if any(claims.get(name) is not None for name in _LIMITING_CLAIMS):
        raise UnauthenticatedError()
    named_claims = {name: value for name, value in claims.items() if name not in ("sub", *_LIMITING_CLAIMS)}
    claims_json = _claims_json({**named_claims, "role": ActorKind.SERVICE.value})
    return Actor(ActorKind.SERVICE, claims=claims_json, expires_at=expires_at)


def _session_id(claims: Mapping[str, object]) -> UUID | None:
    value = claims.get("session_id")
    if value is None:
        return None
    session_id = parse_uuid(value) if isinstance(value, str) else None
    if session_id is None:
        raise UnauthenticatedError()
    return session_id


def _claims_json(claims: Mapping[str, object]) -> str:
    """Return the claims as JSON for PostgreSQL, whose `jsonb` cannot contain NUL."""
    if contains_nul(claims):
        raise UnauthenticatedError()
    return encode_claims(claims)
