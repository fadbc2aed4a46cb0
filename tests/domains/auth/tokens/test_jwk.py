"""JWK: keys of other kinds, and weak ones, are refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from monynha.domains.auth.tokens.jwk import generate_key, parse_public_jwk, public_jwk
from monynha.domains.auth.tokens.jws import JwsError, RsaKey

KEYS = {algorithm: generate_key(algorithm) for algorithm in ("ES256", "RS256")}


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        {"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA"},
        {"kty": "RSA", "n": "AAAA", "e": "AQAB"},
        {"kty": "RSA", "n": "AAAA"},
        {"kty": ["RSA"]},
        {},
    ],
)
def test_other_and_weak_keys_are_refused(jwk: dict[str, object]) -> None:
    with pytest.raises(JwsError):
        parse_public_jwk(jwk)


def test_short_keys_and_other_algorithms_are_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    published = public_jwk(RsaKey(short.public_key()))
    assert published is not None
    with pytest.raises(JwsError):
        parse_public_jwk(published)
    for algorithm, other in (("RS256", "RS512"), ("ES256", "ES384")):
        jwk = public_jwk(KEYS[algorithm])
        assert jwk is not None
        with pytest.raises(JwsError):
            parse_public_jwk({**jwk, "alg": other})
