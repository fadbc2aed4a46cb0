"""ID tokens: what tells a client who has signed in, signed so that it can verify it itself (OpenID Connect Core §2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.oauth_server.identity_claims import identity_claims
from monynha.domains.auth.tokens.jws import sign_jws
from monynha.domains.auth.tokens.signing_keys import KeySet

TTL: Final = timedelta(hours=1)


@dataclass(frozen=True)
class IdTokens:
    """Issues ID tokens with the keys of access tokens.

    They are of no use as access tokens: their audience is the client, and they state no role.
    """

    keys: KeySet
    issuer: str
    clock: Clock

    @property
    def algorithms(self) -> Sequence[str]:
        """What they are signed with; nothing where tokens have a shared secret, which no client may know."""
        return () if self.keys.algorithm == "HS256" else (self.keys.algorithm,)

    def issue(
        self, account: Account, client_id: UUID, scopes: Sequence[str], *, nonce: str | None, authenticated_at: datetime
    ) -> str | None:
        """Return a token for the client; None unless it asked for one, and there is a key that it can verify with."""
        now = self.clock()
        key, kid = self.keys.signer(now)
        if "openid" not in scopes or kid is None or not self.algorithms:
            return None
        claims = {
            "iss": self.issuer,
            "aud": str(client_id),
            "exp": int((now + TTL).timestamp()),
            "iat": int(now.timestamp()),
            "auth_time": int(authenticated_at.timestamp()),
            **({} if nonce is None else {"nonce": nonce}),
            **identity_claims(account, scopes),
        }
        return sign_jws(claims, key, kid)
