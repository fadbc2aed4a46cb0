"""ID tokens: verifies what a provider states about a person (OpenID Connect Core §3.1.3.7)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from monynha.core.clock import Clock
from monynha.domains.auth.providers.discovery import TENANT_PLACEHOLDER, Discovery, PublicKey

MAX_ID_TOKEN_BYTES = 32_768
_CLOCK_SKEW_S = 60
"""How far the provider's clock may be ahead of ours."""
_KEY_TYPES: dict[str, type[PublicKey]] = {
    "RS256": RSAKey,
    "RS384": RSAKey,
    "RS512": RSAKey,
    "PS256": RSAKey,
    "PS384": RSAKey,
    "PS512": RSAKey,
    "ES256": ECKey,
    "ES384": ECKey,
    "ES512": ECKey,
    "EdDSA": OKPKey,
    "Ed25519": OKPKey,
}
"""The algorithms that are accepted, and the type of key of each: no `none`, and no secret that is shared."""


class InvalidIdTokenError(Exception):
    """The token is not valid; the message says why, for the log."""


@dataclass(frozen=True)
class IdTokenVerifier:
    """Verifies the ID tokens of one issuer.

    `other_issuers` are further texts by which the same provider names itself.
    """

    discovery: Discovery
    clock: Clock
    other_issuers: tuple[str, ...] = ()

    async def verify(
        self, token: str, *, audiences: Collection[str], access_token: str | None = None
    ) -> dict[str, object]:
        """Return the claims of a token for one of the audiences.

        The nonce is the caller's to check. An access token is compared with `at_hash`, where the token has that.
        Raise InvalidIdTokenError, or ProviderUnavailableError where the keys cannot be fetched.
        """
        header = _parse_header(token)
        algorithm = header.get("alg")
        key_type = _KEY_TYPES.get(algorithm) if isinstance(algorithm, str) else None
        if key_type is None or not isinstance(algorithm, str):
            raise InvalidIdTokenError("alg")
        if "crit" in header:
            raise InvalidIdTokenError("crit")
        kid = header.get("kid")
        keys = await self.discovery.keys(kid if isinstance(kid, str) else None)
        claims = _verify_signature(token, algorithm, [key for key in keys if isinstance(key, key_type)])
        await self._verify_issuer(claims)
        self._verify_times(claims)
        _verify_audience(claims, audiences)
        if access_token is not None and not _is_hash_of(claims.get("at_hash"), access_token, algorithm):
            raise InvalidIdTokenError("at_hash")
        return claims

    async def _verify_issuer(self, claims: Mapping[str, object]) -> None:
        expected = (await self.discovery.metadata()).issuer
        if TENANT_PLACEHOLDER in expected:
            tenant = claims.get("tid")
            if not isinstance(tenant, str) or not tenant.replace("-", "").isalnum():
                raise InvalidIdTokenError("tid")
            expected = expected.replace(TENANT_PLACEHOLDER, tenant)
        if claims.get("iss") not in (expected, *self.other_issuers):
            raise InvalidIdTokenError("iss")

    def _verify_times(self, claims: Mapping[str, object]) -> None:
        now = self.clock().timestamp()
        expires_at, issued_at = _number(claims.get("exp")), _number(claims.get("iat"))
        if expires_at is None or expires_at <= now:
            raise InvalidIdTokenError("exp")
        if issued_at is None or issued_at > now + _CLOCK_SKEW_S:
            raise InvalidIdTokenError("iat")
        if "nbf" in claims:
            valid_from = _number(claims["nbf"])
            if valid_from is None or valid_from > now + _CLOCK_SKEW_S:
                raise InvalidIdTokenError("nbf")


def _parse_header(token: str) -> dict[str, object]:
    if len(token) > MAX_ID_TOKEN_BYTES or not token.isascii() or token.count(".") != 2:
        raise InvalidIdTokenError("form")
    try:
        header = orjson.loads(urlsafe_b64decode(token.partition(".")[0].encode()))
    except (ValueError, binascii.Error):
        raise InvalidIdTokenError("form") from None
    if not isinstance(header, dict):
        raise InvalidIdTokenError("form")
    return header


def _verify_signature(token: str, algorithm: str, keys: Collection[PublicKey]) -> dict[str, object]:
    for key in keys:
        if key.get("alg", algorithm) != algorithm:
            # The provider uses this key with another algorithm (RFC 8725 §3.1).
            continue
        try:
            claims = orjson.loads(jws.deserialize_compact(token, key, [algorithm]).payload)
        except (JoseError, ValueError):
            continue
        if isinstance(claims, dict):
            return claims
    raise InvalidIdTokenError("signature")


def _verify_audience(claims: Mapping[str, object], audiences: Collection[str]) -> None:
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not any(name in audiences for name in named if isinstance(name, str)):
        raise InvalidIdTokenError("aud")
    authorized_party = claims.get("azp")
    if len(named) > 1 and authorized_party is None:
        raise InvalidIdTokenError("azp")
    if authorized_party is not None and authorized_party not in audiences:
        # The token was given to somebody else, who is not ours.
        raise InvalidIdTokenError("azp")


def _is_hash_of(at_hash: object, access_token: str, algorithm: str) -> bool:
    """Whether `at_hash` is the left half of the access token's hash (§3.1.3.6), or there is none."""
    if at_hash is None:
        return True
    digest_name = "sha512" if algorithm in ("EdDSA", "Ed25519") else f"sha{algorithm[2:]}"
    digest = hashlib.new(digest_name, access_token.encode()).digest()
    expected = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return isinstance(at_hash, str) and hmac.compare_digest(at_hash.encode(), expected)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
