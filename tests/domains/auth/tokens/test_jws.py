"""JWS: what is signed verifies, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk as joserfc_jwk
from joserfc import jwt
from joserfc.jwk import KeySet as JoserfcKeySet

from monynha.domains.auth.tokens.jwk import generate_key, parse_public_jwk, public_jwk
from monynha.domains.auth.tokens.jws import (
    ALGORITHMS,
    EllipticCurveKey,
    JwsError,
    JwsKey,
    RsaKey,
    decode_base64url,
    encode_base64url,
    parse_header,
    sign_jws,
)

KEYS = {algorithm: generate_key(algorithm) for algorithm in ALGORITHMS}


def verify(text: str, key: JwsKey) -> None:
    signed, _, signature = text.encode().rpartition(b".")
    key.verify(signed, signature)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_it_verifies(algorithm: str) -> None:
    text = sign_jws({"sub": "é"}, KEYS[algorithm], "a-key")
    verify(text, KEYS[algorithm])
    header, claims, signature = text.split(".")
    assert parse_header(header.encode()).kid == "a-key"
    for changed in (
        f"{header}.{encode_base64url(b'{}').decode()}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[:-4]}",
        f"{header}.{claims}.{signature}AAAA",
        f"{header}.{claims}.{'A' * len(signature)}",
        f"{header}.{claims}.!{signature[1:]}",
    ):
        with pytest.raises(JwsError):
            verify(changed, KEYS[algorithm])


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_other_libraries_verify_by_the_published_key(algorithm: str) -> None:
    published = public_jwk(KEYS[algorithm])
    assert published is not None
    members = {name: str(value) for name, value in published.items()}
    key = joserfc_jwk.import_key({**members, "kid": "a-key", "alg": algorithm})
    text = sign_jws({"sub": "x"}, KEYS[algorithm], "a-key")
    assert jwt.decode(text, JoserfcKeySet([key]), [algorithm]).claims == {"sub": "x"}
    verify(text, parse_public_jwk(published))
    with pytest.raises(JwsError):
        parse_public_jwk(published).sign(b"x")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_what_other_libraries_sign_is_verified(algorithm: str) -> None:
    key = joserfc_jwk.ECKey.generate_key("P-256") if algorithm == "ES256" else joserfc_jwk.RSAKey.generate_key(2048)
    text = jwt.encode({"alg": algorithm}, {"sub": "x"}, key)
    verify(text, parse_public_jwk(key.as_dict(private=False)))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_the_public_key_is_no_shared_secret(algorithm: str) -> None:
    key = KEYS[algorithm]
    assert isinstance(key, EllipticCurveKey | RsaKey)
    pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = encode_base64url(b'{"alg":"HS256"}') + b"." + encode_base64url(b"{}")
    with pytest.raises(JwsError):
        key.verify(signed, encode_base64url(hmac.digest(pem, signed, hashlib.sha256)))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS512"},
        {"alg": ["HS256"]},
        {"alg": None},
        {},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "RS256", "jku": "https://evil.example/jwks.json"},
        {"alg": "RS256", "x5u": "https://evil.example/cert"},
        {"alg": "RS256", "x5c": ["MII"]},
        {"alg": "RS256", "jwk": {"kty": "oct", "k": "AA"}},
        {"alg": "HS256", "zip": "DEF"},
        {"alg": "HS256", "kid": 1},
        {"alg": "HS256", "kid": ["a"]},
        {"alg": "HS256", "kid": "x" * 201},
    ],
)
def test_other_headers_are_refused(header: object) -> None:
    with pytest.raises(JwsError):
        parse_header(encode_base64url(orjson.dumps(header)))


@pytest.mark.parametrize(
    "text", [b"", b"e30", b"W10", b"bm8", b"/w", b"ew==", b"e-\xff", b"a", b"eyJhbGciOiJIUzI1NiJ9="]
)
def test_what_is_no_header_is_refused(text: bytes) -> None:
    with pytest.raises(JwsError):
        parse_header(text)


@pytest.mark.parametrize("size", range(40))
def test_base64url_is_that_of_the_standard(size: int) -> None:
    raw = bytes((number * 7 + size) % 256 for number in range(size))
    encoded = encode_base64url(raw)
    assert encoded == base64.urlsafe_b64encode(raw).rstrip(b"=")
    assert decode_base64url(encoded) == raw
