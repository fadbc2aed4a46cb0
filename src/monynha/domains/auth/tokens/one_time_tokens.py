"""One-time tokens: a link token and a code that are mailed, of which only hashes are stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.hashes import derive_key, hash_token
from monynha.domains.auth.errors import (
    BadCodeVerifierError,
    FlowStateExpiredError,
    FlowStateNotFoundError,
    InvalidAuthRequestError,
)
from monynha.domains.auth.tokens.sealing import seal, unseal
from monynha.infra.postgres.database import Transaction

_PURPOSE = b"monynha one-time code"
_MAX_FAILED_ATTEMPTS = 10
"""How many wrong codes within an hour invalidate a code; its link token, which cannot be guessed, stays valid."""
_AUTHORIZATION_CODE_TTL = timedelta(minutes=5)
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_UPSERT_TOKEN = """
insert into auth.one_time_tokens as t (
  user_id, kind, link_hash, code_hash, relates_to, code_challenge, code_challenge_method,
  created_at, expires_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (user_id, kind) do update set
  link_hash = excluded.link_hash, code_hash = excluded.code_hash, relates_to = excluded.relates_to,
  code_challenge = excluded.code_challenge, code_challenge_method = excluded.code_challenge_method,
  created_at = excluded.created_at, expires_at = excluded.expires_at,
  -- A new code does not reset the number of failed attempts.
  failed_attempts = case
    when t.created_at > excluded.created_at - interval '1 hour' then t.failed_attempts else 0
  end
"""
_DELETE_BY_LINK = """
delete from auth.one_time_tokens where link_hash = $1 and kind = any($2)
returning user_id, kind, relates_to, code_challenge, code_challenge_method, expires_at
"""
_EXPIRE = "update auth.one_time_tokens set expires_at = $3 where user_id = $1 and kind = any($2)"
_SELECT_FOR_CODE = """
select id, user_id, kind, code_hash, failed_attempts, expires_at from auth.one_time_tokens
where relates_to = $1 and kind = any($2) and ($3::uuid is null or user_id = $3)
order by created_at desc for update
"""
_INSERT_AUTHORIZATION_CODE = """
insert into auth.authorization_codes (
  user_id, code_hash, code_challenge, code_challenge_method, authentication_method, created_at, expires_at,
  sealed_provider_tokens
)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_DELETE_AUTHORIZATION_CODE = """
delete from auth.authorization_codes where code_hash = $1
returning user_id, code_challenge, code_challenge_method, authentication_method, expires_at, sealed_provider_tokens
"""


class TokenKind(StrEnum):
    """What a one-time token is for."""

    CONFIRMATION = "confirmation"
    INVITE = "invite"
    MAGICLINK = "magiclink"
    RECOVERY = "recovery"
    EMAIL_CHANGE_CURRENT = "email_change_current"
    EMAIL_CHANGE_NEW = "email_change_new"
    REAUTHENTICATION = "reauthentication"
    PHONE_CONFIRMATION = "phone_confirmation"
    PHONE_OTP = "phone_otp"
    PHONE_CHANGE = "phone_change"

    @property
    def ttl(self) -> timedelta:
        """The lifetime by email: an hour for a token that signs in an existing account, a day for the rest."""
        short_lived = (TokenKind.MAGICLINK, TokenKind.RECOVERY, TokenKind.REAUTHENTICATION)
        return timedelta(hours=1 if self in short_lived else 24)


EMAIL_CHANGE_KINDS = (TokenKind.EMAIL_CHANGE_NEW, TokenKind.EMAIL_CHANGE_CURRENT)
"""The two tokens of one change of an email address."""


@dataclass(frozen=True, slots=True)
class PkceChallenge:
    """The hash of a secret that the client keeps, so that a stolen link is useless (RFC 7636)."""

    value: str
    method: str

    @classmethod
    def parse(cls, value: str | None, method: str | None) -> PkceChallenge | None:
        """Return the challenge of a request; None if it has none, InvalidAuthRequestError if malformed."""
        if not value and not method:
            return None
        if not value or not method or method.lower() not in ("s256", "plain") or not _CHALLENGE.fullmatch(value):
            raise InvalidAuthRequestError(
                "PKCE flow requires code_challenge_method and a code_challenge of 43 to 128 letters"
            )
        return cls(value, method.lower())

    def matches(self, verifier: str) -> bool:
        """Whether the verifier is the secret that the challenge was made from."""
        computed = verifier
        if self.method == "s256":
            computed = s256_challenge(verifier)
        return hmac.compare_digest(computed.encode(), self.value.encode())


def s256_challenge(verifier: str) -> str:
    """Return the challenge that is made from a verifier by SHA-256 (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """A one-time token as it is sent."""

    kind: TokenKind
    address: str
    """The email address or phone number that it is sent to."""
    link_token: str
    code: str


@dataclass(frozen=True, slots=True)
class ConsumedToken:
    """A one-time token that was presented and is deleted."""

    user_id: UUID
    kind: TokenKind
    address: str
    challenge: PkceChallenge | None = None


@dataclass(frozen=True, slots=True)
class RedeemedCode:
    """Who an authorization code is of, how they have authenticated, and the tokens of the provider they did it with."""

    user_id: UUID
    method: str
    provider_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


class OneTimeTokenStore:
    """Issues one-time tokens and consumes them, each once."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = derive_key(secret, _PURPOSE)
        self._clock = clock

    async def issue(
        self,
        transaction: Transaction,
        user_id: UUID,
        kind: TokenKind,
        address: str,
        *,
        challenge: PkceChallenge | None = None,
        code: str | None = None,
        ttl: timedelta | None = None,
    ) -> OneTimeToken:
        """Return a new token for the address; it replaces an older one of its kind.

        `code` is six random digits and `ttl` that of the kind, unless they are given.
        """
        link_token = ("pkce_" if challenge else "") + secrets.token_hex(28)
        code = code or f"{secrets.randbelow(1_000_000):06}"
        now = self._clock()
        await transaction.execute(
            _UPSERT_TOKEN,
            user_id,
            kind.value,
            hash_token(link_token),
            self._code_hash(user_id, kind.value, code),
            address,
            challenge.value if challenge else None,
            challenge.method if challenge else None,
            now,
            now + (ttl or kind.ttl),
        )
        return OneTimeToken(kind, address, link_token, code)

    async def invalidate(self, transaction: Transaction, user_id: UUID, kinds: Sequence[TokenKind]) -> None:
        """End the tokens of the kinds, without forgetting how many wrong codes there were.

        Whoever asks for one token after another would otherwise have ten guesses at each.
        """
        await transaction.execute(_EXPIRE, user_id, [kind.value for kind in kinds], self._clock())

    async def consume_link(
        self, transaction: Transaction, link_token: str, kinds: Sequence[TokenKind]
    ) -> ConsumedToken | None:
        """Delete and return the token of a link; None if it is unknown or expired."""
        row = await transaction.fetch_row(_DELETE_BY_LINK, hash_token(link_token), [kind.value for kind in kinds])
        if row is None or row["expires_at"] <= self._clock():
            return None
        challenge = row["code_challenge"] and PkceChallenge(row["code_challenge"], row["code_challenge_method"])
        return ConsumedToken(row["user_id"], TokenKind(row["kind"]), row["relates_to"], challenge)

    async def consume_code(
        self,
        transaction: Transaction,
        address: str,
        code: str,
        kinds: Sequence[TokenKind],
        *,
        user_id: UUID | None = None,
        is_known_device: bool = False,
    ) -> ConsumedToken | None:
        """Delete and return the token of a code that was sent to the address.

        None if the code is wrong, which is counted, or expired. On a device that is known to the account, whose
        attempts are counted apart, the wrong codes of others do not matter.
        """
        rows = await transaction.fetch_rows(_SELECT_FOR_CODE, address, [kind.value for kind in kinds], user_id)
        now = self._clock()
        for row in rows:
            is_locked = row["failed_attempts"] >= _MAX_FAILED_ATTEMPTS and not is_known_device
            if row["expires_at"] <= now or is_locked:
                continue
            code_hash = self._code_hash(row["user_id"], row["kind"], code)
            if hmac.compare_digest(code_hash, row["code_hash"]):
                await transaction.execute("delete from auth.one_time_tokens where id = $1", row["id"])
                return ConsumedToken(row["user_id"], TokenKind(row["kind"]), address)
        await transaction.execute(
            "update auth.one_time_tokens set failed_attempts = failed_attempts + 1 where id = any($1)",
            [row["id"] for row in rows],
        )
        return None

    async def issue_authorization_code(
        self,
        transaction: Transaction,
        user_id: UUID,
        challenge: PkceChallenge,
        method: str,
        *,
        provider_tokens: Mapping[str, str] | None = None,
    ) -> str:
        """Return a code that the client exchanges for a session with its verifier (RFC 7636 §4.4).

        `provider_tokens` are returned with the session. They are encrypted with a key that only the code contains.
        """
        code = secrets.token_urlsafe(32)
        now = self._clock()
        expires_at = now + _AUTHORIZATION_CODE_TTL
        await transaction.execute(
            _INSERT_AUTHORIZATION_CODE,
            user_id,
            hash_token(code),
            challenge.value,
            challenge.method,
            method,
            now,
            expires_at,
            seal(provider_tokens, code) if provider_tokens else None,
        )
        return code

    async def redeem_authorization_code(
        self, transaction: Transaction, code: str, verifier: str
    ) -> RedeemedCode | FlowStateError:
        """Return what a code stands for, or the error; the code is deleted."""
        row = await transaction.fetch_row(_DELETE_AUTHORIZATION_CODE, hash_token(code))
        if row is None:
            return FlowStateNotFoundError()
        if row["expires_at"] <= self._clock():
            return FlowStateExpiredError()
        if not PkceChallenge(row["code_challenge"], row["code_challenge_method"]).matches(verifier):
            return BadCodeVerifierError()
        sealed = row["sealed_provider_tokens"]
        provider_tokens = unseal(sealed, code) if sealed else {}
        return RedeemedCode(row["user_id"], row["authentication_method"], provider_tokens)

    def _code_hash(self, user_id: UUID, kind: str, code: str) -> str:
        # Keyed: a plain hash of six digits can be reversed by trying a million.
        return hmac.new(self._key, f"{user_id} {kind} {code}".encode(), hashlib.sha256).hexdigest()


FlowStateError = FlowStateNotFoundError | FlowStateExpiredError | BadCodeVerifierError
