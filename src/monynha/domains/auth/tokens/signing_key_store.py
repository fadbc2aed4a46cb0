"""Signing keys in the database, so that all processes have the same; their private halves are encrypted.

They are encrypted (AES-256-GCM) with a key derived from JWT_SECRET: a copy of the database signs nothing. Where
JWT_SECRET was changed they cannot be read, and verify what they have signed, but sign nothing more.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from asyncpg import Record
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from monynha.core.clock import Clock
from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.accounts.account_repository import AUTH_ACTOR
from monynha.domains.auth.tokens.jwk import generate_key, parse_public_jwk, public_jwk
from monynha.domains.auth.tokens.jws import EllipticCurveKey, JwsError, JwsKey, RsaKey, SharedSecret
from monynha.domains.auth.tokens.secret_box import SecretBox
from monynha.domains.auth.tokens.signing_keys import SigningKey
from monynha.infra.postgres.database import Database, Transaction

PUBLISHED_BEFORE = timedelta(minutes=15)
"""How long a next key is published before it signs: clients keep the set of public keys for ten minutes."""
_CLOCK_MARGIN = timedelta(minutes=1)
_KEPT_AFTER = timedelta(days=1)
_PURPOSE = b"monynha signing keys"
_KID_BYTES = 12
_LOCK = "select pg_advisory_xact_lock(7366531020)"
_SELECT = """
select kid, algorithm, public_jwk, encrypted_key, signs_from, verifies_until from auth.signing_keys order by signs_from
"""
_INSERT = """
insert into auth.signing_keys (kid, algorithm, public_jwk, encrypted_key, signs_from) values ($1, $2, $3, $4, $5)
"""
_RETIRE = """
update auth.signing_keys set verifies_until = least(coalesce(verifies_until, 'infinity'), $2) where kid <> $1
"""
_DELETE_OLD = "delete from auth.signing_keys where verifies_until < $1"


@dataclass(frozen=True)
class SigningKeyStore:
    """Reads, creates and rotates the keys."""

    database: Database
    secret: str
    clock: Clock
    token_ttl_s: int

    async def load(self) -> list[SigningKey]:
        """Return all keys that can be read."""
        async with self.database.as_actor(AUTH_ACTOR).transaction() as transaction:
            return await self._load(transaction)

    async def create_first(self, algorithm: str) -> None:
        """Create a key that signs at once, unless another process has just done so."""
        async with self.database.as_actor(AUTH_ACTOR).transaction() as transaction:
            await transaction.execute(_LOCK)
            now = self.clock()
            if not any(
                key.can_sign and key.key.algorithm == algorithm and key.is_accepted(now)
                for key in await self._load(transaction)
            ):
                await self._insert(transaction, algorithm, now)

    async def rotate(self, algorithm: str, *, at_once: bool = False, revoke: bool = False) -> SigningKey:
        """Create the next key and retire the others; return it.

        It signs in 15 minutes, or at once, as also where no other can be verified with. The others verify until
        their last token has ended, or, revoked, no longer.
        """
        async with self.database.as_actor(AUTH_ACTOR).transaction() as transaction:
            await transaction.execute(_LOCK)
            now = self.clock()
            former = [key for key in await self._load(transaction) if key.is_accepted(now)]
            is_published_first = any(key.can_sign and key.key.algorithm == algorithm for key in former)
            signs_from = now if at_once or revoke or not is_published_first else now + PUBLISHED_BEFORE
            key = await self._insert(transaction, algorithm, signs_from)
            last_token_ends = signs_from + timedelta(seconds=self.token_ttl_s) + _CLOCK_MARGIN
            await transaction.execute(_RETIRE, key.kid, now if revoke else last_token_ends)
            await transaction.execute(_DELETE_OLD, now - _KEPT_AFTER)
            details = {"algorithm": algorithm, "signsFrom": signs_from.isoformat(), "revoked": revoke}
            await record_audit_event(
                transaction, "signing_key.rotated", target_type="signing_key", target_id=key.kid, details=details
            )
        return key

    async def _load(self, transaction: Transaction) -> list[SigningKey]:
        keys = [self._from_row(row) for row in await transaction.fetch_rows(_SELECT)]
        return [key for key in keys if key is not None]

    async def _insert(self, transaction: Transaction, algorithm: str, signs_from: datetime) -> SigningKey:
        key = generate_key(algorithm)
        kid = secrets.token_urlsafe(_KID_BYTES)
        jwk = public_jwk(key)
        await transaction.execute(
            _INSERT,
            kid,
            algorithm,
            None if jwk is None else orjson.dumps(jwk).decode(),
            self._secret_box.seal(_private_bytes(key), kid.encode()),
            signs_from,
        )
        return SigningKey(kid, key, True, signs_from, None)

    def _from_row(self, row: Record) -> SigningKey | None:
        """Return the key of a row; None for a secret that was encrypted with another JWT_SECRET."""
        kid, times = row["kid"], (row["signs_from"], row["verifies_until"])
        private = self._secret_box.open(row["encrypted_key"], kid.encode())
        try:
            if private is not None:
                return SigningKey(kid, _key_from(row["algorithm"], private), True, *times)
        except ValueError:
            pass
        try:
            return SigningKey(kid, parse_public_jwk(orjson.loads(row["public_jwk"])), False, *times)
        except (JwsError, TypeError, ValueError):
            return None

    @property
    def _secret_box(self) -> SecretBox:
        return SecretBox(self.secret, _PURPOSE)


def _key_from(algorithm: str, raw: bytes) -> JwsKey:
    """Return the key that `_private_bytes` wrote; ValueError for that of another algorithm."""
    if algorithm == "HS256":
        return SharedSecret(raw)
    private = load_der_private_key(raw, None)
    if algorithm == "ES256" and isinstance(private, ec.EllipticCurvePrivateKey):
        return EllipticCurveKey(private.public_key(), private)
    if algorithm == "RS256" and isinstance(private, rsa.RSAPrivateKey):
        return RsaKey(private.public_key(), private)
    raise ValueError("the key is not of its algorithm")


def _private_bytes(key: JwsKey) -> bytes:
    if isinstance(key, SharedSecret):
        return key.secret
    private = key.private if isinstance(key, EllipticCurveKey | RsaKey) else None
    if private is None:
        raise JwsError("the key only verifies")
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
