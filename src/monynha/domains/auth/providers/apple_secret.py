"""Apple's client secret: a short JWT that the program signs with its private key, for each exchange."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from monynha.core.clock import Clock
from monynha.core.errors import SettingsError

APPLE_ISSUER = "https://appleid.apple.com"
OTHER_APPLE_ISSUER = "https://account.apple.com"
_TTL_S = 300


@dataclass(frozen=True)
class AppleClientSecret:
    """Makes client secrets (ES256)."""

    client_id: str
    team_id: str
    key_id: str
    clock: Clock
    key: ECKey = field(repr=False)

    @classmethod
    def from_pem(
        cls, pem: str, setting: str, *, client_id: str, team_id: str, key_id: str, clock: Clock
    ) -> AppleClientSecret:
        """Read the private key; raise SettingsError, which names the setting, for anything else."""
        try:
            key = ECKey.import_key(pem)
        except (JoseError, ValueError, TypeError):
            key = None
        if key is None or not key.is_private or key.curve_name != "P-256":
            raise SettingsError(f"{setting}: expected the private key that Apple gave, a file that ends in .p8")
        return cls(client_id, team_id, key_id, clock, key)

    def __call__(self) -> str:
        """Return a secret that is valid for five minutes."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.team_id,
            "iat": now,
            "exp": now + _TTL_S,
            "aud": APPLE_ISSUER,
            "sub": self.client_id,
        }
        header = {"alg": "ES256", "kid": self.key_id}
        return jws.serialize_compact(header, orjson.dumps(claims), self.key, ["ES256"])
