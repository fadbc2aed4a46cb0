"""JSON Web Keys (RFC 7517): new keys, and keys as they are stored and published."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from monynha.domains.auth.tokens.jws import (
    EllipticCurveKey,
    JwsError,
    JwsKey,
    RsaKey,
    SharedSecret,
    decode_base64url,
    encode_base64url,
)

_COORDINATE_BYTES = 32
_RSA_BITS = 2048
_MAX_RSA_BITS = 8192
_RSA_EXPONENT = 65537
_SECRET_BYTES = 32
_CURVE = "P-256"
_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}
Jwk = Mapping[str, object]


def generate_key(algorithm: str) -> JwsKey:
    """Return a new key for an algorithm; one of RS256 takes a tenth of a second."""
    match algorithm:
        case "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
            return EllipticCurveKey(private.public_key(), private)
        case "RS256":
            rsa_private = rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS)
            return RsaKey(rsa_private.public_key(), rsa_private)
        case _:
            return SharedSecret(secrets.token_bytes(_SECRET_BYTES))


def public_jwk(key: JwsKey) -> Jwk | None:
    """Return what others verify with; None for a shared secret, which is nobody else's."""
    if isinstance(key, EllipticCurveKey):
        numbers = key.public.public_numbers()
        return {"kty": "EC", "crv": _CURVE, "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
    if isinstance(key, RsaKey):
        rsa_numbers = key.public.public_numbers()
        return {"kty": "RSA", "n": _number(rsa_numbers.n), "e": _number(rsa_numbers.e)}
    return None


def parse_public_jwk(jwk: Jwk) -> JwsKey:
    """Return the key that verifies ES256 or RS256; JwsError for any other, for a weak or a malformed one."""
    kty = jwk.get("kty")
    names = _PUBLIC_MEMBERS.get(kty) if isinstance(kty, str) else None
    values = [jwk.get(name) for name in names or ()]
    if not names or not all(isinstance(value, str) and value.isascii() for value in values):
        raise JwsError("the key is not of a known type")
    try:
        if kty == "EC":
            if jwk.get("alg", "ES256") != "ES256" or values[0] != _CURVE:
                raise JwsError("the curve is not P-256")
            point = ec.EllipticCurvePublicNumbers(_int(values[1]), _int(values[2]), ec.SECP256R1())
            return EllipticCurveKey(point.public_key())
        if jwk.get("alg", "RS256") != "RS256":
            raise JwsError("the algorithm is not RS256")
        public = rsa.RSAPublicNumbers(n=_int(values[0]), e=_int(values[1])).public_key()
    except ValueError:
        raise JwsError("the key is not valid") from None
    if not _RSA_BITS <= public.key_size <= _MAX_RSA_BITS:
        raise JwsError("the key has a wrong length")
    return RsaKey(public)


def _int(value: object) -> int:
    return int.from_bytes(decode_base64url(str(value).encode()))


def _coordinate(number: int) -> str:
    return encode_base64url(number.to_bytes(_COORDINATE_BYTES)).decode()


def _number(number: int) -> str:
    return encode_base64url(number.to_bytes((number.bit_length() + 7) // 8)).decode()
