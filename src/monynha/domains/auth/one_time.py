"""One-time tokens: a link and a code for one use, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from monynha.domains.auth.faults import BadCodeVerifier, FlowStateExpired, FlowStateNotFound, ValidationFailed
from monynha.domains.auth.tokens import Clock
from monynha.infra.postgres.database import Transaction

_PURPOSE = b"monynha one-time code"
_WRONG_CODES = 10
"""After so many wrong guesses within the hour the code is dead; the link, which nobody guesses, is not."""
_AUTHORIZATION_TTL = timedelta(minutes=5)
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_ISSUE = """
insert into auth.one_time_tokens as t (
  user_id, kind, link_hash, code_hash, relates_to, code_challenge, code_challenge_method,
  created_at, expires_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (user_id, kind) do update set
  link_hash = excluded.link_hash, code_hash = excluded.code_hash, relates_to = excluded.relates_to,
  code_challenge = excluded.code_challenge, code_challenge_method = excluded.code_challenge_method,
  created_at = excluded.created_at, expires_at = excluded.expires_at,
  -- Asking for a new code gives no new guesses.
  wrong_codes = case when t.created_at > excluded.created_at - interval '1 hour' then t.wrong_codes else 0 end
"""
_TAKE_LINK = """
delete from auth.one_time_tokens where link_hash = $1 and kind = any($2)
returning user_id, kind, relates_to, code_challenge, code_challenge_method, expires_at
"""
_CODES = """
select id, user_id, kind, code_hash, wrong_codes, expires_at from auth.one_time_tokens
where relates_to = $1 and kind = any($2) and ($3::uuid is null or user_id = $3)
order by created_at desc for update
"""
_AUTHORIZE = """
insert into auth.authorization_codes (
  user_id, code_hash, code_challenge, code_challenge_method, authentication_method, created_at, expires_at
)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_TAKE_AUTHORIZATION = """
delete from auth.authorization_codes where code_hash = $1
returning user_id, code_challenge, code_challenge_method, authentication_method, expires_at
"""


class Kind(StrEnum):
    """What a one-time token is for."""

    CONFIRMATION = "confirmation"
    INVITE = "invite"
    MAGICLINK = "magiclink"
    RECOVERY = "recovery"
    EMAIL_CHANGE_CURRENT = "email_change_current"
    EMAIL_CHANGE_NEW = "email_change_new"
    REAUTHENTICATION = "reauthentication"

    @property
    def ttl(self) -> timedelta:
        """How long one holds: what signs somebody in at once holds an hour, the rest a day."""
        quick = (Kind.MAGICLINK, Kind.RECOVERY, Kind.REAUTHENTICATION)
        return timedelta(hours=1 if self in quick else 24)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The hash of a secret that the client keeps, so that a caught link is worth nothing (RFC 7636)."""

    text: str
    method: str

    @classmethod
    def read(cls, text: str | None, method: str | None) -> Challenge | None:
        """Return the challenge of a request, None where it has none."""
        if not text and not method:
            return None
        if (
            not text
            or not method
            or method.lower() not in ("s256", "plain")
            or not _CHALLENGE.fullmatch(text)
        ):
            raise ValidationFailed(
                "PKCE flow requires code_challenge_method and a code_challenge of 43 to 128 letters"
            )
        return cls(text, method.lower())

    def is_met_by(self, verifier: str) -> bool:
        """Whether the verifier is the secret that was hashed."""
        made = verifier
        if self.method == "s256":
            made = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return hmac.compare_digest(made.encode(), self.text.encode())


@dataclass(frozen=True, slots=True)
class OneTime:
    """A one-time token as it is mailed."""

    kind: Kind
    address: str
    link: str
    code: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A one-time token that was shown and is used up."""

    user_id: UUID
    kind: Kind
    address: str
    challenge: Challenge | None = None


class OneTimeTokens:
    """Issues one-time tokens and takes them back, each once."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
        self._clock = clock

    async def issue(
        self,
        transaction: Transaction,
        user_id: UUID,
        kind: Kind,
        address: str,
        *,
        challenge: Challenge | None = None,
    ) -> OneTime:
        """Make a token for the address; an older one of its kind ends."""
        link = ("pkce_" if challenge else "") + secrets.token_hex(28)
        code = f"{secrets.randbelow(1_000_000):06}"
        now = self._clock()
        await transaction.run(
            _ISSUE,
            user_id,
            kind.value,
            _hashed(link),
            self._code_hash(user_id, kind.value, code),
            address,
            challenge.text if challenge else None,
            challenge.method if challenge else None,
            now,
            now + kind.ttl,
        )
        return OneTime(kind, address, link, code)

    async def take_link(self, transaction: Transaction, link: str, kinds: Sequence[Kind]) -> Taken | None:
        """Use up the token of a link; None where there is none, or it has ended."""
        row = await transaction.row(_TAKE_LINK, _hashed(link), [kind.value for kind in kinds])
        if row is None or row["expires_at"] <= self._clock():
            return None
        challenge = row["code_challenge"] and Challenge(row["code_challenge"], row["code_challenge_method"])
        return Taken(row["user_id"], Kind(row["kind"]), row["relates_to"], challenge)

    async def take_code(
        self,
        transaction: Transaction,
        address: str,
        code: str,
        kinds: Sequence[Kind],
        *,
        user_id: UUID | None = None,
    ) -> Taken | None:
        """Use up the token of a code that was sent to the address; None where it is wrong, and counted."""
        rows = await transaction.rows(_CODES, address, [kind.value for kind in kinds], user_id)
        now = self._clock()
        for row in rows:
            if row["expires_at"] <= now or row["wrong_codes"] >= _WRONG_CODES:
                continue
            made = self._code_hash(row["user_id"], row["kind"], code)
            if hmac.compare_digest(made, row["code_hash"]):
                await transaction.run("delete from auth.one_time_tokens where id = $1", row["id"])
                return Taken(row["user_id"], Kind(row["kind"]), address)
        await transaction.run(
            "update auth.one_time_tokens set wrong_codes = wrong_codes + 1 where id = any($1)",
            [row["id"] for row in rows],
        )
        return None

    async def authorize(
        self, transaction: Transaction, user_id: UUID, challenge: Challenge, method: str
    ) -> str:
        """Return a code that the client turns into a session by its verifier."""
        code = secrets.token_urlsafe(32)
        now = self._clock()
        ends = now + _AUTHORIZATION_TTL
        await transaction.run(
            _AUTHORIZE, user_id, _hashed(code), challenge.text, challenge.method, method, now, ends
        )
        return code

    async def redeem(
        self, transaction: Transaction, code: str, verifier: str
    ) -> tuple[UUID, str] | FlowFault:
        """Return whose the authorization code is and how they proved it, or what is wrong with it."""
        row = await transaction.row(_TAKE_AUTHORIZATION, _hashed(code))
        if row is None:
            return FlowStateNotFound()
        if row["expires_at"] <= self._clock():
            return FlowStateExpired()
        if not Challenge(row["code_challenge"], row["code_challenge_method"]).is_met_by(verifier):
            return BadCodeVerifier()
        return row["user_id"], row["authentication_method"]

    def _code_hash(self, user_id: UUID, kind: str, code: str) -> str:
        # A plain hash of six digits could be turned back by trying a million.
        return hmac.new(self._key, f"{user_id} {kind} {code}".encode(), hashlib.sha256).hexdigest()


FlowFault = FlowStateNotFound | FlowStateExpired | BadCodeVerifier


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
