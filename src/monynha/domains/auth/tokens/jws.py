"""JSON Web Signatures in their compact form (RFC 7515): HS256, ES256 and RS256 (RFC 7518 §3).

The header decides nothing but which of our keys is tried, and a key has one algorithm: `none`, or the public key as a
shared secret, leads nowhere (RFC 8725 §3.1). Keys and certificates that a header brings along are refused.
"""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ALGORITHMS = ("HS256", "ES256", "RS256")
_KNOWN_HEADERS = frozenset({"alg", "typ", "kid"})
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_COORDINATE_BYTES = 32
_MAX_KID_LENGTH = 200
_ES256, _RS256_PADDING, _SHA256 = ec.ECDSA(SHA256()), padding.PKCS1v15(), SHA256()


class JwsError(ValueError):
    """The text is no JWS that this program reads, or its signature is not that of the key."""


class JwsKey(Protocol):
    """A key of one algorithm."""

    @property
    def algorithm(self) -> str:
        """The `alg` of what it signs."""

    def sign(self, signed: bytes) -> bytes:
        """Return the signature, encoded; JwsError for a key that only verifies."""

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raise JwsError unless the encoded signature is that of the key."""


@dataclass(frozen=True, slots=True)
class JwsHeader:
    """What a header names: the algorithm, and the id of the key if it has one."""

    algorithm: str
    kid: str | None


@dataclass(frozen=True, slots=True, repr=False)
class SharedSecret:
    """A key of HS256."""

    secret: bytes
    algorithm: str = "HS256"

    def sign(self, signed: bytes) -> bytes:
        """Return the MAC, encoded."""
        return encode_base64url(hmac.digest(self.secret, signed, sha256))

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raise JwsError unless it is the MAC."""
        if not hmac.compare_digest(self.sign(signed), signature):
            raise JwsError("wrong signature")


@dataclass(frozen=True, slots=True, repr=False)
class EllipticCurveKey:
    """A key of ES256; without the private half it only verifies."""

    public: ec.EllipticCurvePublicKey
    private: ec.EllipticCurvePrivateKey | None = None
    algorithm: str = "ES256"

    def sign(self, signed: bytes) -> bytes:
        """Return the signature: both numbers of it, 32 bytes each (RFC 7518 §3.4)."""
        if self.private is None:
            raise JwsError("the key only verifies")
        r, s = decode_dss_signature(self.private.sign(signed, _ES256))
        return encode_base64url(r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES))

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raise JwsError unless it is the key's."""
        raw = decode_base64url(signature)
        if len(raw) != 2 * _COORDINATE_BYTES:
            raise JwsError("wrong signature")
        r, s = int.from_bytes(raw[:_COORDINATE_BYTES]), int.from_bytes(raw[_COORDINATE_BYTES:])
        try:
            self.public.verify(encode_dss_signature(r, s), signed, _ES256)
        except InvalidSignature:
            raise JwsError("wrong signature") from None


@dataclass(frozen=True, slots=True, repr=False)
class RsaKey:
    """A key of RS256; without the private half it only verifies."""

    public: rsa.RSAPublicKey
    private: rsa.RSAPrivateKey | None = None
    algorithm: str = "RS256"

    def sign(self, signed: bytes) -> bytes:
        """Return the signature (RFC 7518 §3.3)."""
        if self.private is None:
            raise JwsError("the key only verifies")
        return encode_base64url(self.private.sign(signed, _RS256_PADDING, _SHA256))

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raise JwsError unless it is the key's."""
        try:
            self.public.verify(decode_base64url(signature), signed, _RS256_PADDING, _SHA256)
        except InvalidSignature:
            raise JwsError("wrong signature") from None


def sign_jws(claims: Mapping[str, object], key: JwsKey, kid: str | None) -> str:
    """Return the claims as a signed token."""
    header = {"alg": key.algorithm, "typ": "JWT", **({} if kid is None else {"kid": kid})}
    signed = encode_base64url(orjson.dumps(header)) + b"." + encode_base64url(orjson.dumps(claims))
    return (signed + b"." + key.sign(signed)).decode()


def parse_header(encoded: bytes) -> JwsHeader:
    """Return what the first part of a token names; JwsError for extensions (`crit`), keys and unknown algorithms."""
    try:
        header = orjson.loads(decode_base64url(encoded))
    except orjson.JSONDecodeError:
        raise JwsError("the header is not JSON") from None
    if not isinstance(header, dict) or not header.keys() <= _KNOWN_HEADERS or header.get("alg") not in ALGORITHMS:
        raise JwsError("the header is not accepted")
    kid = header.get("kid")
    if kid is not None and (not isinstance(kid, str) or len(kid) > _MAX_KID_LENGTH):
        raise JwsError("the id of the key is no text")
    return JwsHeader(header["alg"], kid)


def encode_base64url(raw: bytes) -> bytes:
    """Return the bytes in base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL_SAFE).rstrip(b"=")


def decode_base64url(encoded: bytes) -> bytes:
    """Return the bytes; JwsError for any other character, padding included."""
    if b"+" in encoded or b"/" in encoded or b"=" in encoded:
        raise JwsError("no base64url")
    padded = encoded.translate(_TO_STANDARD) + b"=" * (-len(encoded) % 4)
    try:
        return binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error:
        raise JwsError("no base64url") from None
