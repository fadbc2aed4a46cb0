"""The keys of access tokens: which one signs at a time, and which ones still verify.

Without a key of its own in the database the program signs with JWT_SECRET (HS256). A rotation publishes the next key
before it signs, so that whoever verifies tokens knows it by then, and keeps the former one until its last token ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from monynha.domains.auth.tokens.jwk import Jwk, public_jwk
from monynha.domains.auth.tokens.jws import JwsKey, SharedSecret


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key in the database. `key` only verifies where its private half cannot be read with this JWT_SECRET."""

    kid: str
    key: JwsKey
    can_sign: bool
    signs_from: datetime
    verifies_until: datetime | None
    """None for a key that no other has replaced."""

    def is_accepted(self, now: datetime) -> bool:
        """Whether tokens that it has signed are valid."""
        return self.verifies_until is None or self.verifies_until > now


class Signer(NamedTuple):
    """What signs new tokens: the key, and its id if it has one."""

    key: JwsKey
    kid: str | None


class KeySet:
    """The keys of this deployment, as one process knows them."""

    def __init__(self, secret: str, *, algorithm: str = "HS256", keys: Sequence[SigningKey] = ()) -> None:
        self.secret = SharedSecret(secret.encode())
        self.algorithm = algorithm
        self._keys: Mapping[str, SigningKey] = {key.kid: key for key in keys}
        self._accepted = frozenset(self._keys)
        """Those that were accepted when the keys were last replaced."""

    def replace(self, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Use these keys from now on; return whether one of the former is not accepted any more."""
        self._keys = {key.kid: key for key in keys}
        former, self._accepted = self._accepted, frozenset(key.kid for key in keys if key.is_accepted(now))
        return not former <= self._accepted

    def signer(self, now: datetime) -> Signer:
        """Return what signs now: the newest key of the algorithm that has begun to.

        JWT_SECRET does where there is none, which for other algorithms than HS256 is prevented at the start.
        """
        ready = [
            key
            for key in self._keys.values()
            if key.can_sign and key.key.algorithm == self.algorithm and key.signs_from <= now and key.is_accepted(now)
        ]
        if not ready:
            return Signer(self.secret, None)
        newest = max(ready, key=lambda key: (key.signs_from, key.kid))
        return Signer(newest.key, newest.kid)

    def find(self, kid: str, now: datetime) -> JwsKey | None:
        """Return the key with an id if its tokens are valid."""
        key = self._keys.get(kid)
        return key.key if key is not None and key.is_accepted(now) else None

    def has(self, kid: str) -> bool:
        """Whether a key has the id, though its tokens may not be valid any more."""
        return kid in self._keys

    def needs_key(self, now: datetime) -> bool:
        """Whether no key can sign with the algorithm of this deployment, now or later."""
        return self.algorithm != "HS256" and not any(
            key.can_sign and key.key.algorithm == self.algorithm and key.is_accepted(now) for key in self._keys.values()
        )

    def public_keys(self, now: datetime) -> list[Jwk]:
        """Return the JWK set that is published: the public keys that verify, those that will sign next included."""
        published: list[Jwk] = []
        for key in sorted(self._keys.values(), key=lambda key: (key.signs_from, key.kid), reverse=True):
            jwk = public_jwk(key.key)
            if jwk is not None and key.is_accepted(now):
                published.append({**jwk, "kid": key.kid, "alg": key.key.algorithm, "use": "sig", "key_ops": ["verify"]})
        return published
