"""A software authenticator (WebAuthn, CTAP2): ES256 keys, attestation `none` or `packed` (self)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, HAS_CREDENTIAL = 0x01, 0x04, 0x40


def base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value: Any) -> bytes:
    """Encode integers, bytes, texts and maps (RFC 8949 §3)."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case dict():
            return _head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
    raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = 1 if number < 256 else 2
    return bytes([major << 5 | (23 + size)]) + number.to_bytes(size)


@dataclass
class Authenticator:
    """One credential; every attribute can be changed to make it lie."""

    rp_id: str = "localhost"
    origin: str = "http://localhost:8000"
    attestation: str = "none"
    flags: int = USER_PRESENT | USER_VERIFIED
    sign_count: int = 0
    counts: bool = True
    user_handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any], **client_data: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self.user_handle = from_base64url(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose_key = cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        id_length = len(self.credential_id).to_bytes(2)
        credential_data = bytes(16) + id_length + self.credential_id + cose_key
        data = self._authenticator_data(self.flags | HAS_CREDENTIAL) + credential_data
        client_json = self._client_data("webauthn.create", options["challenge"], client_data)
        statement: dict[str, Any] = {}
        if self.attestation == "packed":
            statement = {"alg": -7, "sig": self._sign(data, client_json)}
        attestation = cbor({"fmt": self.attestation, "attStmt": statement, "authData": data})
        response = {"attestationObject": base64url(attestation), "clientDataJSON": base64url(client_json)}
        return self._credential({**response, "transports": ["internal"]})

    def get(self, options: dict[str, Any], **client_data: Any) -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        self.sign_count += 1 if self.counts else 0
        data = self._authenticator_data(self.flags)
        client_json = self._client_data("webauthn.get", options["challenge"], client_data)
        return self._credential(
            {
                "authenticatorData": base64url(data),
                "clientDataJSON": base64url(client_json),
                "signature": base64url(self._sign(data, client_json)),
                "userHandle": base64url(self.user_handle),
            }
        )

    def _authenticator_data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4)

    def _client_data(self, type: str, challenge: str, changes: dict[str, Any]) -> bytes:
        values = {"type": type, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return orjson.dumps({**values, **changes})

    def _sign(self, data: bytes, client_json: bytes) -> bytes:
        return self.key.sign(data + hashlib.sha256(client_json).digest(), ec.ECDSA(hashes.SHA256()))

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        id = base64url(self.credential_id)
        return {
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }
