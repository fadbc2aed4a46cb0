"""Codes of phone factors: what sends them, and how they are hashed until they are entered."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Protocol
from uuid import UUID

from monynha.core.hashes import derive_key
from monynha.domains.auth.accounts.account import Account
from monynha.infra.postgres.database import Transaction

_PURPOSE = b"monynha phone factor code"
_E164 = re.compile(r"[1-9][0-9]{6,14}")


class PhoneMessages(Protocol):
    """What sends codes to phones, where it is configured."""

    def require_reachable(self, phone: str) -> None:
        """Raise an AuthError if no message can reach the number."""

    def new_code(self, phone: str) -> str:
        """Return a code of six digits for the number."""

    async def queue_code(self, transaction: Transaction, account: Account, phone: str, code: str) -> None:
        """Queue the message with the code; it is sent if the transaction commits."""


class PhoneCodes:
    """Hashes codes with a key, since six digits can be tried out, and compares them."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, _PURPOSE)

    def matches(self, factor_id: UUID, code: str, code_hash: str | None) -> bool:
        """Whether the code is the one that was hashed for the factor."""
        return hmac.compare_digest(self.hash(factor_id, code), code_hash or "")

    def hash(self, factor_id: UUID, code: str) -> str:
        """Return what is stored of a code."""
        text = f"{factor_id} {code}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def normalize_phone(text: str) -> str | None:
    """Return a phone number as it is stored, E.164 without the plus; None if it is none."""
    digits = text.strip().removeprefix("+").replace(" ", "")
    return digits if _E164.fullmatch(digits) else None
