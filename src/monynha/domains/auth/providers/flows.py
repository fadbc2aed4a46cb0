"""Flows: visits to a provider, from `/authorize` to `/callback`.

A state is random, used once, and bound to the browser that began the visit by a cookie (RFC 6749 §10.12, RFC 9700
§4.7). The nonce and the verifier of PKCE are made from it with a key, so none of the three is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.hashes import derive_key, hash_token
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge, s256_challenge
from monynha.infra.postgres.database import Transaction

_PURPOSE = b"monynha visits to providers"
FLOW_TTL = timedelta(minutes=10)
"""How long a person may take at the provider."""
_MAX_TOKEN_LENGTH = 100

_INSERT = """
insert into auth.oauth_flows (
  provider, state_hash, browser_hash, redirect_to, code_challenge, code_challenge_method, linking_user_id,
  linking_session_id, created_at, expires_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_START_LINKING = """
update auth.oauth_flows set state_hash = $2, browser_hash = $3
where state_hash = $1 and browser_hash is null and expires_at > $4
returning provider
"""
_DELETE = """
delete from auth.oauth_flows where state_hash = $1 and browser_hash = $2
returning provider, redirect_to, code_challenge, code_challenge_method, linking_user_id, linking_session_id, expires_at
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """A visit to a provider, and where it leads afterwards; `linking_user_id` is set where it adds an identity."""

    provider: str
    redirect_to: str
    challenge: PkceChallenge | None = None
    linking_user_id: UUID | None = None
    linking_session_id: UUID | None = None


class FlowStore:
    """Begins visits and ends them, each once."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = derive_key(secret, _PURPOSE)
        self._clock = clock

    async def begin(self, transaction: Transaction, flow: Flow, state: str, browser: str) -> None:
        """Begin a visit with a new state by a browser, which has the cookie."""
        await self._insert(transaction, flow, state, hash_token(browser))

    async def prepare(self, transaction: Transaction, flow: Flow) -> str:
        """Return a ticket with which a browser, which is not known yet, begins the visit."""
        ticket = new_token()
        await self._insert(transaction, flow, ticket, None)
        return ticket

    async def begin_prepared(self, transaction: Transaction, ticket: str, browser: str) -> tuple[str, str] | None:
        """Return the state and the provider of a visit that was prepared; None for a ticket that is not valid."""
        state = new_token()
        provider = await transaction.fetch_value(
            _START_LINKING, hash_token(ticket), hash_token(state), hash_token(browser), self._clock()
        )
        return (state, str(provider)) if provider is not None else None

    async def end(self, transaction: Transaction, state: str, browser: str) -> Flow | None:
        """Delete and return the visit of a state; None if it is unknown, expired or another browser's."""
        if max(len(state), len(browser)) > _MAX_TOKEN_LENGTH:
            return None
        row = await transaction.fetch_row(_DELETE, hash_token(state), hash_token(browser))
        if row is None or row["expires_at"] <= self._clock():
            return None
        challenge = row["code_challenge"] and PkceChallenge(row["code_challenge"], row["code_challenge_method"])
        return Flow(row["provider"], row["redirect_to"], challenge, row["linking_user_id"], row["linking_session_id"])

    def nonce(self, state: str) -> str:
        """Return what the ID token of a visit must contain."""
        return self._derive("nonce", state)

    def code_verifier(self, state: str) -> str:
        """Return the secret of PKCE towards the provider (RFC 7636 §4.1)."""
        return self._derive("verifier", state)

    def code_challenge(self, state: str) -> str:
        """Return the challenge of the verifier (RFC 7636 §4.2, S256)."""
        return s256_challenge(self.code_verifier(state))

    def _derive(self, purpose: str, state: str) -> str:
        mac = hmac.digest(self._key, f"{purpose} {state}".encode(), hashlib.sha256)
        return urlsafe_b64encode(mac).rstrip(b"=").decode()

    async def _insert(self, transaction: Transaction, flow: Flow, state: str, browser_hash: str | None) -> None:
        now = self._clock()
        await transaction.execute(
            _INSERT,
            flow.provider,
            hash_token(state),
            browser_hash,
            flow.redirect_to,
            flow.challenge.value if flow.challenge else None,
            flow.challenge.method if flow.challenge else None,
            flow.linking_user_id,
            flow.linking_session_id,
            now,
            now + FLOW_TTL,
        )


def new_token() -> str:
    """Return a text that nobody can guess."""
    return secrets.token_urlsafe(32)
